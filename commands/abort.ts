import Rollback from './rollback.js';

export default class Abort extends Rollback {
  static override summary = 'The same as rollback: end an open transaction without effect.';
  static override args = Rollback.args;
  static override flags = Rollback.flags;
  static override examples = ['<%= config.bin %> abort --txn T4k2m7q2xw5ab'];
}
