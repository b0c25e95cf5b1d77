/**
 * The tables of a repository: those of a state, its history and its refs. Layer: sql.
 */
import {DbosError} from '../../errors.js';
import type {ObjectId} from '../../objects/id.js';
import {readCommit} from '../../repo/commit.js';
import {walk} from '../../repo/history.js';
import {didYouMean, nearestNames} from '../../repo/nearest.js';
import type {Repository} from '../../repo/repository.js';
import {FILES_TABLE} from '../../state/files.js';
import {JSON_TABLE_FUNCTIONS} from '../functions/json.js';
import type {Catalog, RowSource, Source, TableFunction, TreeSource} from '../source.js';
import {SourcePending} from '../source.js';
import {text} from './columns.js';
import {ancestorsFunction, logFunction, mergeBaseFunction} from './commit-functions.js';
import {commitParentsSource, commitsSource} from './commit-rows.js';
import {diffFunction, diffStatFunction} from './diff-functions.js';
import {blameFunction, historyFunction} from './history-functions.js';
import {foldName, SYSTEM_TABLES} from './names.js';
import {operationRefsSource, operationsOnFunction, operationsSource} from './operation-rows.js';
import {branchesSource, refsSource, tagsSource, transactionsSource} from './ref-rows.js';
import {Revisions} from './revisions.js';
import {pragmaFunctions, type SchemaSubject, STATE_TABLES} from './schema-rows.js';
import {SERIES_FUNCTION} from './series-function.js';
import {States} from './states.js';
import type {Version} from './table-diff.js';

/** One uncommitted change of a work tree. */
export interface StatusRow {
  readonly path: string;
  readonly change: string;
  readonly type?: string;
}

export interface CatalogOptions {
  /** The revision or time that queries read unless they name another; HEAD without one. */
  readonly at?: string;
  /** A state to read instead of a commit's. */
  readonly state?: ObjectId;
  /** Returns what is changed in the work tree; asked once, and only if a query needs it. */
  readonly status?: () => Iterable<StatusRow> | Promise<Iterable<StatusRow>>;
  /** CREATE VIEW statements by the names of the views. */
  readonly views?: ReadonlyMap<string, string>;
}

/** Tables that show the repository as it is. */
const REPOSITORY_TABLES: Readonly<Record<string, (repo: Repository) => RowSource>> = {
  commits: commitsSource,
  commit_parents: commitParentsSource,
  branches: branchesSource,
  tags: tagsSource,
  refs: refsSource,
  operations: operationsSource,
  operation_refs: operationRefsSource,
  transactions: transactionsSource,
};

function statusTable(rows: readonly StatusRow[]): RowSource {
  return {
    kind: 'rows',
    name: 'status',
    columns: [text('path'), text('change'), text('type', false)],
    rows: rows.length,
    scan: () => rows.map(({path, change, type = null}) => [path, change, type]),
  };
}

/** Returns the tables of a repository as queries find them. The repository must stay open while they are read. */
export function repositoryCatalog(repo: Repository, options: CatalogOptions = {}): Catalog {
  return new RepositoryCatalog(repo, options);
}

class RepositoryCatalog implements Catalog {
  private readonly states: States;
  private readonly revisions: Revisions;
  private readonly views: ReadonlyMap<string, string>;
  private readonly functions = new Map<string, TableFunction>();
  private readonly computed = new Map<string, RowSource>();
  private status: readonly StatusRow[] | undefined;

  constructor(
    private readonly repo: Repository,
    private readonly options: CatalogOptions,
  ) {
    this.states = new States(repo.objects);
    this.revisions = new Revisions(repo);
    this.views = options.views ?? new Map();
    const subject = {
      repo,
      states: this.states,
      stateAt: (revision: string) => this.stateOf(this.commitAt(revision)),
      currentState: () => this.currentState(),
      commitAt: (revision?: string) => this.commitAt(revision),
      rangeAt: (range: string) => this.revisions.range(range),
      versions: (name: string, ...states: (ObjectId | undefined)[]) => this.versions(name, states),
      version: (state: ObjectId, name: string) => this.states.find(state, name),
      newest: (name: string, start: ObjectId | undefined) => this.newest(name, start),
    };
    const functions = [
      logFunction(subject),
      ancestorsFunction(subject),
      mergeBaseFunction(subject),
      diffFunction(subject),
      diffStatFunction(subject),
      historyFunction(subject),
      blameFunction(subject),
      operationsOnFunction(repo),
      SERIES_FUNCTION,
      ...JSON_TABLE_FUNCTIONS,
      ...pragmaFunctions(() => this.schemaOf(this.currentState()), this),
    ];
    for (const each of functions) this.functions.set(each.name, each);
  }

  readonly findTable = (name: string, revision?: string): Source | undefined => {
    const folded = foldName(name);
    const inRepository = Object.hasOwn(REPOSITORY_TABLES, folded);
    if (inRepository || folded === 'status') {
      if (revision !== undefined) throw withoutVersions(folded);
      return inRepository
        ? this.computedOnce(folded, () => (REPOSITORY_TABLES[folded] as (repo: Repository) => RowSource)(this.repo))
        : this.statusSource();
    }
    const state = revision === undefined ? this.currentState() : this.stateOf(this.commitAt(revision));
    const ofState = Object.hasOwn(STATE_TABLES, folded) ? STATE_TABLES[folded] : undefined;
    if (ofState) return this.computedOnce(`${folded} ${state}`, () => ofState(this.schemaOf(state), folded));
    if (folded !== FILES_TABLE) {
      for (const [view, sql] of this.views) if (foldName(view) === folded) return {kind: 'view', name: view, sql};
    }
    return this.states.findAny(state, name);
  };

  readonly findFunction = (name: string): TableFunction | undefined => this.functions.get(foldName(name));

  readonly names = (): readonly string[] => [
    ...SYSTEM_TABLES,
    ...this.states.userTables(this.currentState()),
    ...this.states.views(this.currentState()).keys(),
    ...this.views.keys(),
  ];

  private computedOnce(key: string, make: () => RowSource): RowSource {
    let source = this.computed.get(key);
    if (source === undefined) {
      source = make();
      this.computed.set(key, source);
    }
    return source;
  }

  /** Returns the commit of a revision; without one, the commit that queries read: undefined before the first. */
  private commitAt(revision: string | undefined = this.options.at): ObjectId | undefined {
    return revision === undefined ? this.repo.head().commit : this.revisions.commit(revision);
  }

  private stateOf(commit: ObjectId | undefined): ObjectId | undefined {
    return commit === undefined ? undefined : readCommit(this.repo.objects, commit).state;
  }

  private currentState(): ObjectId | undefined {
    return this.options.state ?? this.stateOf(this.commitAt());
  }

  private schemaOf(state: ObjectId | undefined): SchemaSubject {
    return {states: this.states, state, views: this.views};
  }

  private statusSource(): RowSource {
    const {status} = this.options;
    if (status === undefined) {
      throw new DbosError('SQL_UNSUPPORTED', 'The table status needs a work tree, and there is none here.', {
        hint: 'Ask it in a work tree, without a bare store.',
        data: {table: 'status'},
      });
    }
    const rows = this.status;
    if (rows === undefined) {
      throw new SourcePending(async () => {
        this.status = [...(await status())];
      });
    }
    return this.computedOnce('status', () => statusTable(rows));
  }

  /** The rows of `status` would have to be loaded. */
  readonly describeTable = (name: string): Source | undefined => {
    return foldName(name) === 'status' && this.options.status ? statusTable([]) : this.findTable(name);
  };

  /** Returns a table as it is in each of some states. Throws TABLE_UNKNOWN if none has it. */
  private versions(name: string, states: readonly (ObjectId | undefined)[]): Version[] {
    this.checkVersioned(name);
    const found = states.map(state => this.states.find(state, name));
    if (found.every(version => version === undefined)) throw this.unknownTable(name);
    return found;
  }

  private newest(name: string, start: ObjectId | undefined): TreeSource {
    this.checkVersioned(name);
    if (start !== undefined) {
      for (const {state} of walk(this.repo, {include: [start]})) {
        const version = this.states.find(state, name);
        if (version) return version;
      }
    }
    const uncommitted = this.states.find(this.currentState(), name);
    if (uncommitted) return uncommitted;
    throw this.unknownTable(name);
  }

  private checkVersioned(name: string): void {
    const folded = foldName(name);
    if (Object.hasOwn(REPOSITORY_TABLES, folded) || Object.hasOwn(STATE_TABLES, folded) || folded === 'status') {
      throw withoutVersions(folded);
    }
  }

  private unknownTable(name: string): DbosError {
    const tables = [FILES_TABLE, ...this.states.userTables(this.currentState())];
    return new DbosError('TABLE_UNKNOWN', `no such table: ${name}.`, {
      hint: didYouMean(nearestNames(name, tables)) ?? 'See `SELECT name FROM tables` for what there is.',
      data: {table: name},
    });
  }
}

function withoutVersions(table: string): DbosError {
  return new DbosError('SQL_UNSUPPORTED', `The table ${table} has no versions: it shows the repository as it is.`, {
    hint: 'Ask it without AS OF; log(REVISION) has the commits of a revision, and op log what happened when.',
    data: {table},
  });
}
