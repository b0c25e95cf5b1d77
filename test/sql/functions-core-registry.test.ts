/** Functions are found by name and number of arguments; the errors name what is near and what is taken. */
import test from 'ava';
import {isDbosError} from '../../src/errors.js';
import {findAggregate, findScalar, findWindow, functionNames} from '../../src/sql/functions/registry.js';

test('a name may be a scalar function and an aggregate, by its arguments', t => {
  t.is(findAggregate('MAX', 1)?.name, 'max');
  t.is(findAggregate('max', 2), undefined);
  t.is(findScalar('max', 2).name, 'max');
  t.is(findScalar('Substr', 3).name, 'substr');
  t.is(findWindow('Row_Number')?.name, 'row_number');
  t.is(findWindow('sum'), undefined);
});

test('every function is found by its own name', t => {
  const names = functionNames();
  t.deepEqual(names, [...new Set(names)].sort());
  for (const name of names) {
    const counts = [0, 1, 2, 3, 4, 5];
    const found = counts.some(count => {
      try {
        return findWindow(name) ?? findAggregate(name, count) ?? findScalar(name, count);
      } catch {
        return false;
      }
    });
    t.truthy(found, name);
  }
  for (const name of ['json_extract', 'strftime', 'printf', 'json_group_array', 'iif', 'sqrt', 'lead', 'string_agg']) {
    t.true(names.includes(name), name);
  }
});

test('an unknown name offers near ones, a wrong number of arguments the right ones', t => {
  const unknown = t.throws(() => findScalar('substrr', 2));
  t.true(isDbosError(unknown, 'FUNCTION_UNKNOWN'));
  t.is(unknown?.message, 'no such function: substrr.');
  t.regex((unknown as {hint?: string}).hint ?? '', /'substr'/);
  const wrong = t.throws(() => findScalar('Substr', 1));
  t.true(isDbosError(wrong, 'SQL_MISUSE'));
  t.is(wrong?.message, 'wrong number of arguments to function Substr().');
  t.is((wrong as {hint?: string}).hint, 'It takes 2 to 3 arguments; the call has 1.');
  t.is(
    (t.throws(() => findScalar('max', 0)) as {hint?: string}).hint,
    'It takes 2 or more arguments or 1 argument; the call has 0.',
  );
});
