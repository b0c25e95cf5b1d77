/**
 * What fsck has found: each damaged object once, with the commits, refs and paths that it takes with it. Layer: repo.
 */
import {type DbosError, type ErrorCode, isDbosError} from '../errors.js';
import {formatId, type ObjectId, parseId} from '../objects/id.js';

/** Something wrong with a store. Lists are cut off after some entries. */
export interface Problem {
  readonly code: ErrorCode;
  /** One sentence. */
  readonly message: string;
  /** The id of the damaged object. */
  readonly object?: string;
  /** What the object is: a commit, a node of a table, a body, … */
  readonly kind?: string;
  /** The table that it belongs to. */
  readonly table?: string;
  /** Files that it belongs to. */
  readonly paths?: readonly string[];
  /** For a node of the files: the paths that it holds come after the first one and up to the second; null for the ends. */
  readonly pathRange?: readonly [after: string | null, upTo: string | null];
  /** Ids of the commits that cannot be read whole without it. */
  readonly commits?: readonly string[];
  /** How many they are. */
  readonly commitCount?: number;
  /** Branches, tags and HEAD that have such a commit in their history, or that hold the object. */
  readonly refs?: readonly string[];
}

const MAX_LISTED = 20;

/** Where a damaged object stands. */
export interface Context {
  readonly kind: string;
  readonly table?: string | undefined;
  readonly path?: string | undefined;
  readonly pathRange?: readonly [after: string | null, upTo: string | null] | undefined;
}

/** A damaged object. */
export class Damage {
  readonly paths = new Set<string>();
  readonly commits = new Set<ObjectId>();
  readonly refs = new Set<string>();

  constructor(
    readonly id: ObjectId,
    private readonly code: ErrorCode,
    private readonly sentence: string,
    private readonly context: Context,
  ) {}

  addPath(path: string): void {
    if (this.paths.size < MAX_LISTED) this.paths.add(path);
  }

  /** Returns it as fsck reports it. */
  problem(): Problem {
    const {id, code, context, paths, commits, refs} = this;
    return {
      code,
      message: this.sentence,
      object: formatId(id),
      kind: context.kind,
      ...(context.table === undefined ? {} : {table: context.table}),
      ...(paths.size > 0 ? {paths: [...paths]} : {}),
      ...(context.pathRange === undefined ? {} : {pathRange: context.pathRange}),
      commits: [...commits].slice(0, MAX_LISTED).map(commit => formatId(commit)),
      commitCount: commits.size,
      refs: [...refs],
    };
  }
}

/** Collects damaged objects. */
export class DamageList {
  readonly byId = new Map<ObjectId, Damage>();

  /**
   * Takes note of an error while reading an object, or one that the error names. Throws the error again if it is none
   * that damage explains.
   */
  add(error: unknown, id: ObjectId, context: Context): void {
    if (!isDbosError(error)) throw error;
    const named = objectOf(error) ?? id;
    this.addProblem(named, error.code, error.message, context);
  }

  /** Takes note of something that is wrong with an object. `what` is a sentence. */
  addProblem(id: ObjectId, code: ErrorCode, what: string, context: Context): void {
    let damage = this.byId.get(id);
    if (damage === undefined) {
      damage = new Damage(id, code, describe(id, what, context), context);
      this.byId.set(id, damage);
    }
    if (context.path !== undefined) damage.addPath(context.path);
  }
}

/** Returns the object that an error of the object store names. */
function objectOf(error: DbosError): ObjectId | undefined {
  const {id} = error.data;
  return typeof id === 'string' ? parseId(id)?.id : undefined;
}

function describe(id: ObjectId, what: string, context: Context): string {
  const where = context.path === undefined ? '' : ` of ${JSON.stringify(context.path)}`;
  const table = context.table === undefined || context.path !== undefined ? '' : ` of the table '${context.table}'`;
  return `The ${context.kind}${where}${table} ${formatId(id)} is damaged: ${what.replace(/\.?$/, '.')}`;
}
