/**
 * Looks up revisions for queries, each once: a query sees one and the same commit wherever it names a revision. Looking up
 * may have to wait, so the first question after a revision throws `SourcePending`. Layer: sql.
 */
import {type DbosError, isDbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import type {Repository} from '../../repo/repository.js';
import {type RevisionRange, resolveRange, resolveRevision} from '../../repo/revisions.js';
import {SourcePending} from '../source.js';

export class Revisions {
  private readonly commits = new Lookup<ObjectId>(async text => (await resolveRevision(this.repo, text)).commit);
  private readonly ranges = new Lookup<RevisionRange>(text => resolveRange(this.repo, text));

  constructor(private readonly repo: Repository) {}

  /** Returns the commit that a revision or time means. Throws as `resolveRevision`, or SourcePending. */
  commit(text: string): ObjectId {
    return this.commits.get(text);
  }

  /** Returns what a revision or range means for a walk. Throws as `resolveRange`, or SourcePending. */
  range(text: string): RevisionRange {
    return this.ranges.get(text);
  }
}

/** Answers that have to be waited for; errors are answers too. */
class Lookup<T> {
  private readonly found = new Map<string, {readonly value: T} | {readonly error: DbosError}>();

  constructor(private readonly find: (text: string) => Promise<T>) {}

  get(text: string): T {
    const known = this.found.get(text);
    if (known === undefined) throw new SourcePending(() => this.load(text));
    if ('error' in known) throw known.error;
    return known.value;
  }

  private async load(text: string): Promise<void> {
    try {
      this.found.set(text, {value: await this.find(text)});
    } catch (error) {
      if (!isDbosError(error)) throw error;
      this.found.set(text, {error});
    }
  }
}
