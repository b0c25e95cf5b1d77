/**
 * The signal of the fast program that these arguments are not plain: the entry then runs the same arguments again through
 * oclif. Guarantee: thrown only while arguments are parsed, so before any side effect. Layer: cli.
 */

export class NeedsOclif extends Error {
  constructor(reason: string) {
    super(`not plain: ${reason}`);
    this.name = 'NeedsOclif';
  }
}
