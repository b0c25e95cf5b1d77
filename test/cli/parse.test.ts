/** The two ways of reading arguments: whatever the light parser accepts, oclif reads the same way. */
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {full, light, type ManifestCommand, manifest} from './program.js';

const commands = Object.values(manifest.commands).filter(command => command.strict !== false);

/** Asserts the law and returns whether the light parser took the arguments. */
async function compare(t: ExecutionContext, argv: readonly string[]): Promise<boolean> {
  const mine = await light.parse(argv);
  if (mine === undefined) return false;
  const {flags, args, paths} = await full.parse(argv).then(
    parsed => parsed as NonNullable<typeof parsed>,
    error => t.fail(`oclif refuses ${JSON.stringify(argv)}: ${error}`) as never,
  );
  t.deepEqual(JSON.parse(JSON.stringify(mine)), JSON.parse(JSON.stringify({flags, args, paths})), JSON.stringify(argv));
  return true;
}

/** A value that a flag or an argument takes; whole numbers are text and integer alike. */
const sampleValue = (options: readonly string[] | undefined) => options?.[0] ?? '1';

function requiredWords(command: ManifestCommand): string[] {
  const words: string[] = [];
  for (const flag of Object.values(command.flags))
    if (flag.required) words.push(`--${flag.name}=${sampleValue(flag.options)}`);
  for (const arg of Object.values(command.args)) if (arg.required) words.push(sampleValue(arg.options));
  return words;
}

for (const command of commands) {
  const name = command.id.split(':');
  const required = requiredWords(command);

  test(`${command.id}: plain arguments need no oclif`, async t => {
    t.true(await compare(t, [...name, ...required]));
    for (const flag of Object.values(command.flags)) {
      if (flag.required) continue;
      const value = sampleValue(flag.options);
      const forms: string[][] =
        flag.type === 'boolean'
          ? [[`--${flag.name}`], ...(flag.char ? [[`-${flag.char}`]] : [])]
          : [
              [`--${flag.name}`, value],
              [`--${flag.name}=${value}`],
              ...(flag.char ? [[`-${flag.char}`, value], [`-${flag.char}${value}`], [`-${flag.char}=${value}`]] : []),
            ];
      for (const form of forms) {
        // A flag that depends on another is refused alone, by both.
        const taken = await compare(t, [...name, ...form, ...required]);
        if (!taken) await t.throwsAsync(full.parse([...name, ...form, ...required]), undefined, form.join(' '));
        await compare(t, [...name, ...required, ...form]);
      }
    }
    const optional = Object.values(command.args).filter(arg => !arg.required);
    await compare(t, [...name, ...required, ...optional.map(arg => sampleValue(arg.options))]);
    if (command.takesPaths) t.true(await compare(t, [...name, ...required, '--', 'a', '-b', '--', 'c']));
  });

  test(`${command.id}: whatever is not refused is read the same`, async t => {
    const flags = Object.values(command.flags);
    const words = [
      ...flags.flatMap(flag => [`--${flag.name}`, `--${flag.name}=1`, `--no-${flag.name}`, `--${flag.name}=`]),
      ...flags.flatMap(flag => (flag.char ? [`-${flag.char}`, `-${flag.char}1`, `-${flag.char}${flag.char}`] : [])),
      ...flags.flatMap(flag => flag.options ?? []),
      ...Object.values(command.args).flatMap(arg => arg.options ?? []),
      ...['--', '-', '', 'a', '1', '-1', '--no', '-é', 'a=b', '--x=1', '__proto__', '--constructor', 'é\u0000'],
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...words), {maxLength: 6}), async tail => {
        await compare(t, [...name, ...tail]);
        await compare(t, [...name, ...required, ...tail]);
      }),
      {numRuns: 150},
    );
  });
}

test('global flags may stand before the command', async t => {
  t.true(await compare(t, ['-C', 'somewhere', '--json', 'completion', 'bash']));
  const parsed = await light.parse(['-Csomewhere', '-q', 'completion', 'bash', '--no-color']);
  t.deepEqual(parsed?.flags, {directory: 'somewhere', quiet: true, 'no-color': true});
});

test('help, unknown flags, missing and surplus arguments are left to oclif', async t => {
  for (const tail of [
    ['--help'],
    ['bash', '--nonsense'],
    [],
    ['bash', 'zsh'],
    ['tcsh'],
    ['bash', '-C'],
    ['bash', '--json=1'],
  ]) {
    t.is(await light.parse(['completion', ...tail]), undefined, tail.join(' '));
  }
});
