/**
 * Makes a query that shows a difference as small as it gets: parts of the query go, then rows and tables.
 */
import {type Comparison, compareOutcomes, type DifferenceKind} from './compare.js';
import type {Engine, Outcome, Parameter, Question} from './engine.js';
import {type Node, render, simplifications} from './grammar.js';
import type {Schema} from './schema.js';
import {setupOf} from './schema.js';
import {askVariants} from './variants.js';

export interface Finding {
  readonly schema: Schema;
  readonly node: Node;
  readonly parameters: readonly Parameter[];
  readonly comparison: Comparison;
}

export interface Shrunk {
  readonly finding: Finding;
  readonly expected: Outcome;
  readonly actual: Outcome;
}

/** How many candidates one process of the oracle is asked about. */
const AT_ONCE = 120;
const ROUNDS = 40;

export function questionOf({node, parameters}: Finding): Question {
  const sql = render(node);
  const used = parameters.filter(({name}) => sql.includes(name));
  return used.length > 0 ? {sql, parameters: used} : {sql};
}

/** Returns what is different, without what stands for it in this query: findings of one signature have one cause, mostly. */
export function signature(kind: DifferenceKind, expected: Outcome, actual: Outcome): string {
  const message = kind === 'accepted' ? expected : actual;
  if (message.kind !== 'error' && message.kind !== 'crash') return kind;
  // names may change on the way
  const [first = ''] = message.message.split('\n');
  return `${kind} ${first.replaceAll(/: .*|'.*'|\d+\w*|\bto \w+/g, '').replaceAll(/\b[a-z]+\d*\.\w+/g, '')}`;
}

/** How many candidates are asked about in all ways at once. */
const CHECKED = 6;

/** Returns the smallest of some findings that shows a difference like the given one, and shows it whichever way one asks. */
function smallestDifferent(
  oracle: Engine,
  engine: Engine,
  kind: DifferenceKind,
  like: string,
  candidates: readonly Finding[],
): Shrunk | undefined {
  const requests = candidates.map(finding => ({schema: finding.schema, questions: [questionOf(finding)]}));
  const batches = requests.map(({schema, questions}) => ({setup: setupOf(schema), questions}));
  const expected = oracle.ask(batches);
  const actual = engine.ask(batches);
  const different = candidates.flatMap((finding, i): (Shrunk & {readonly index: number})[] => {
    const [said, got] = [expected[i]?.[0] as Outcome, actual[i]?.[0] as Outcome];
    const same = compareOutcomes(said, got, finding.comparison) === kind && signature(kind, said, got) === like;
    return same ? [{finding, expected: said, actual: got, index: i}] : [];
  });
  different.sort((a, b) => size(a.finding) - size(b.finding));
  for (let from = 0; from < different.length; from += CHECKED) {
    const some = different.slice(from, from + CHECKED);
    const answers = askVariants(
      oracle,
      some.map(({index}) => requests[index] as (typeof requests)[number]),
    );
    const settled = some.find(({finding, expected: said}, i) =>
      answers[i]?.[0]?.every(outcome => compareOutcomes(said, outcome, finding.comparison) === undefined),
    );
    if (settled !== undefined) return settled;
  }
  return undefined;
}

function size(finding: Finding): number {
  return render(finding.node).length + setupOf(finding.schema).join().length / 4;
}

function* smallerQueries(finding: Finding): Generator<Finding> {
  const length = render(finding.node).length;
  const seen = new Set<string>();
  for (const node of simplifications(finding.node)) {
    const text = render(node);
    if (text.length >= length || seen.has(text)) continue;
    seen.add(text);
    // without its ORDER BY a query has no order to compare
    if (finding.comparison.order !== 'none' && !/ORDER BY/.test(text)) {
      yield {...finding, node, comparison: {...finding.comparison, order: 'none'}};
    } else yield {...finding, node};
  }
}

function* smallerSchemas(finding: Finding): Generator<Finding> {
  const {tables, views} = finding.schema;
  const text = render(finding.node);
  for (const view of views) {
    if (text.includes(view.name)) continue;
    yield {...finding, schema: {tables, views: views.filter(other => other !== view)}};
  }
  for (const table of tables) {
    const without = tables.filter(other => other !== table);
    const used = text.includes(table.name) || views.some(view => view.create.includes(table.name));
    if (!used) yield {...finding, schema: {views, tables: without}};
    const keep = (rows: typeof table.rows): Finding => ({
      ...finding,
      schema: {views, tables: tables.map(other => (other === table ? {...table, rows} : other))},
    });
    const half = table.rows.length >> 1;
    if (half > 0) {
      yield keep([]);
      yield keep(table.rows.slice(0, half));
      yield keep(table.rows.slice(half));
    }
    for (let i = 0; i < table.rows.length; i++) yield keep([...table.rows.slice(0, i), ...table.rows.slice(i + 1)]);
  }
}

/** Returns up to some of the candidates, spread over all of them: the first are the largest steps. */
function choose(candidates: readonly Finding[]): readonly Finding[] {
  const sorted = [...candidates].sort((a, b) => size(a) - size(b));
  if (sorted.length <= AT_ONCE) return sorted;
  const step = sorted.length / AT_ONCE;
  return Array.from({length: AT_ONCE}, (_, i) => sorted[Math.floor(i * step)] as Finding);
}

/** Returns the smallest finding met that shows the same kind of difference. */
export function shrink(oracle: Engine, engine: Engine, kind: DifferenceKind, shrunk: Shrunk): Shrunk {
  const like = signature(kind, shrunk.expected, shrunk.actual);
  let best = shrunk;
  for (const smaller of [smallerQueries, smallerSchemas, smallerQueries]) {
    for (let round = 0; round < ROUNDS; round++) {
      const candidates = choose([...smaller(best.finding)]);
      const next = smallestDifferent(oracle, engine, kind, like, candidates);
      if (next === undefined) break;
      best = next;
    }
  }
  return best;
}
