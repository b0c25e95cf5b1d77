// Checks the documentation: links lead somewhere, TypeScript examples compile, every error code is explained.
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {compileSnippets} from 'typescript-docs-verifier';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const {ERROR_CODES} = await import('../dist/src/errors.js');

const pages = ['README.md', ...readdirSync('docs', {recursive: true}).map(name => join('docs', String(name)))].filter(
  name => name.endsWith('.md'),
);
const problems = [];

function anchors(text) {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

for (const page of pages) {
  const text = readFileSync(page, 'utf8');
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file, anchor] = target.split('#');
    const path = file === '' ? page : join(dirname(page), file);
    if (!existsSync(path)) problems.push(`${page}: ${target} leads nowhere`);
    else if (anchor && !anchors(readFileSync(path, 'utf8')).includes(anchor)) {
      problems.push(`${page}: ${target} names no heading of ${path}`);
    }
  }
}

const errors = readFileSync('docs/errors.md', 'utf8');
for (const code of Object.keys(ERROR_CODES)) {
  if (!errors.includes(`\`${code}\``)) problems.push(`docs/errors.md: ${code} is missing`);
}
const explained = new Set();
for (const [, code] of errors.matchAll(/^\| `([A-Z_]+)`/gm)) {
  if (explained.has(code)) problems.push(`docs/errors.md: ${code} is there twice`);
  explained.add(code);
  if (!(code in ERROR_CODES) && code !== 'BUG') problems.push(`docs/errors.md: ${code} does not exist`);
}

for (const {file, index, snippet, error} of await compileSnippets({markdownFiles: pages})) {
  if (error) problems.push(`${file}, example ${index}: ${error.message}\n${snippet}`);
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
