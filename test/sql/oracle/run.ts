/**
 * The differential test: random schemas and queries, each answered by the oracle and by the engine under test.
 */
import {type Comparison, compareOutcomes, type DifferenceKind, showOutcome} from './compare.js';
import {KNOWN_DIFFERENCES} from './differences.js';
import type {Engine, Outcome} from './engine.js';
import {render} from './grammar.js';
import {randomQuery} from './queries.js';
import {mixSeeds, Random} from './random.js';
import {randomSchema, type Schema, setupOf} from './schema.js';
import {type Finding, questionOf, shrink, signature} from './shrink.js';
import {askVariants} from './variants.js';

export interface RunOptions {
  readonly seed: number;
  readonly queries: number;
  /** Only the query of this number. */
  readonly only?: number | undefined;
  /** How many differences of one cause are made small and told; 0 for none. */
  readonly report?: number;
  /** Called with the number of queries done. */
  readonly progress?: (done: number) => void;
}

export interface Difference {
  readonly number: number;
  readonly kind: DifferenceKind;
  /** The kind, and the message of an error. */
  readonly cause: string;
  /** What was asked, expected and given, made small; undefined for all but the first of a cause. */
  readonly report: string | undefined;
}

export interface RunResult {
  readonly asked: number;
  /** Queries that SQLite refuses, and those it does not finish. */
  readonly refused: number;
  readonly stopped: number;
  /** Differences where SQLite itself gives more than one answer. */
  readonly unspecified: readonly number[];
  /** Known differences by their reason. */
  readonly known: ReadonlyMap<string, number>;
  readonly differences: readonly Difference[];
}

/** Queries of one schema. */
const BATCH = 100;

interface Asked extends Finding {
  readonly number: number;
}

function comparisonOf(sql: string, order: Comparison['order']): Comparison {
  return {order, tolerant: /\b(sum|avg|total)\(/.test(sql)};
}

/** Returns the schema of a batch and its queries, which depend on the seed and their numbers alone. */
export function makeBatch(seed: number, first: number, count: number): {schema: Schema; asked: Asked[]} {
  const schema = randomSchema(new Random(mixSeeds(seed, Math.floor(first / BATCH), 1)));
  const asked = Array.from({length: count}, (_, i): Asked => {
    const number = first + i;
    const {node, order, parameters} = randomQuery(new Random(mixSeeds(seed, number, 2)), schema);
    return {number, schema, node, parameters, comparison: comparisonOf(render(node), order)};
  });
  return {schema, asked};
}

function reportOf(finding: Finding, expected: Outcome, actual: Outcome): string {
  const {sql, parameters = []} = questionOf(finding);
  return [
    ...setupOf(finding.schema).map(statement => `${statement};`),
    ...parameters.map(({name, literal}) => `-- ${name} = ${literal}`),
    `${sql};`,
    `expected ${showOutcome(expected)}`,
    `got ${showOutcome(actual)}`,
  ].join('\n');
}

/** Runs the test and returns what came of it. */
export function runOracle(oracle: Engine, engine: Engine, options: RunOptions): RunResult {
  const {seed, queries, only, report = 3, progress} = options;
  let refused = 0;
  let stopped = 0;
  const unspecified: number[] = [];
  const known = new Map<string, number>();
  const differences: Difference[] = [];
  const from = only === undefined ? 0 : Math.floor(only / BATCH) * BATCH;
  const to = only === undefined ? queries : only + 1;
  for (let first = from; first < to; first += BATCH) {
    const {schema, asked: all} = makeBatch(seed, first, Math.min(BATCH, to - first));
    const asked = only === undefined ? all : all.filter(({number}) => number === only);
    const batch = {setup: setupOf(schema), questions: asked.map(questionOf)};
    const expected = oracle.ask([batch])[0] as Outcome[];
    const actual = engine.ask([batch])[0] as Outcome[];
    const suspects: {asked: Asked; kind: DifferenceKind; actual: Outcome}[] = [];
    for (const [i, query] of asked.entries()) {
      const outcome = expected[i] as Outcome;
      if (outcome.kind === 'error') refused++;
      if (outcome.kind === 'stopped') stopped++;
      const kind = compareOutcomes(outcome, actual[i] as Outcome, query.comparison);
      if (kind === undefined) continue;
      const sql = render(query.node);
      const difference = {sql, kind, expected: outcome, actual: actual[i] as Outcome};
      const reason = KNOWN_DIFFERENCES.find(({applies, rephrased}) => {
        if (!applies(difference)) return false;
        if (rephrased === undefined) return true;
        const question = {...questionOf(query), sql: rephrased(sql)};
        const right = oracle.ask([{setup: batch.setup, questions: [question]}])[0]?.[0] as Outcome;
        return compareOutcomes(right, difference.actual, query.comparison) === undefined;
      })?.reason;
      if (reason !== undefined) known.set(reason, (known.get(reason) ?? 0) + 1);
      else suspects.push({asked: query, kind, actual: actual[i] as Outcome});
    }
    if (suspects.length > 0) {
      const questions = suspects.map(suspect => questionOf(suspect.asked));
      const answers = askVariants(oracle, [{schema, questions}])[0] as Outcome[][];
      for (const [i, suspect] of suspects.entries()) {
        const ways = answers[i] as Outcome[];
        const {comparison, number} = suspect.asked;
        const [plain] = ways as [Outcome];
        const settled = ways.every(way => compareOutcomes(plain, way, comparison) === undefined);
        if (suspect.kind !== 'crash' && suspect.kind !== 'slow' && !settled) unspecified.push(number);
        else {
          const cause = signature(suspect.kind, plain, suspect.actual);
          const told = differences.filter(other => other.cause === cause).length < report;
          const start = {finding: suspect.asked, expected: plain, actual: suspect.actual};
          const small = told && suspect.kind !== 'slow' ? shrink(oracle, engine, suspect.kind, start) : start;
          differences.push({
            number,
            kind: suspect.kind,
            cause,
            report: told ? reportOf(small.finding, small.expected, small.actual) : undefined,
          });
        }
      }
    }
    progress?.(Math.min(to, first + BATCH) - from);
  }
  const count = only === undefined ? queries : 1;
  return {asked: count, refused, stopped, unspecified, known, differences};
}
