// Joins the chunks that esbuild splits a program into to a few CommonJS scripts, of which usual commands read one. A chunk is a
// function that runs when another one first imports it, so that a command pays for the code that it uses: V8 makes no closures
// for the rest, and the code cache has none of it. Imports become constants, which is all the same as long as no chunks import each other in a
// circle and no chunk changes what it exports; the first is checked here, and esbuild puts modules with such ties in one chunk.
import {basename, dirname, relative, resolve} from 'node:path';
import {decode, encode} from '@jridgewell/sourcemap-codec';
import ts from 'typescript';

/** What stands before the chunks; `$impor` is as long as the word it takes the place of, so that columns stay right. */
const FIRST = `"use strict";
const bundleUrl=require("node:url").pathToFileURL(__filename).href,$made=new Map(),$parts=PARTS;
function $chunk(name){let made=$made.get(name);if(made===undefined)$made.set(name,made=($chunks[name]??$further(name))());return made}
async function $impor(name){if(name.startsWith("./"))return $chunk(name.slice(2));const made=require(name);return Object.create(made,{default:{value:made}})}
function $further(name){for(const part of $parts){if(name in $chunks)break;Object.assign($chunks,require(part).chunks($chunk,$impor,bundleUrl))}return $chunks[name]}
const $chunks={__proto__:null,
`;
const OTHER = `"use strict";
exports.chunks=($chunk,$impor,bundleUrl)=>({
`;

/** Returns the text with a piece replaced by spaces, so that what follows stays where it is. */
function blank(text, from, to) {
  return text.slice(0, from) + text.slice(from, to).replace(/[^\n]/g, ' ') + text.slice(to);
}

/** Returns the declarations that an import statement of a chunk becomes. */
function importText(statement, isChunk) {
  const from = statement.moduleSpecifier.text;
  const source = isChunk(from) ? `$chunk(${JSON.stringify(basename(from))})` : `require(${JSON.stringify(from)})`;
  const clause = statement.importClause;
  if (clause === undefined) return `${source};`;
  const {name, namedBindings: named} = clause;
  if (isChunk(from) && (name !== undefined || (named && ts.isNamespaceImport(named))))
    throw new Error(`a chunk imports all of ${from}`);
  let text = '';
  if (name !== undefined) text += `const ${name.text}=${source};`;
  if (named === undefined) return text;
  if (ts.isNamespaceImport(named)) return `${text}const ${named.name.text}=${source};`;
  const parts = named.elements.map(({name, propertyName}) => {
    if (propertyName?.text === 'default' && !isChunk(from)) throw new Error(`a default import in braces of ${from}`);
    return propertyName ? `${propertyName.text}:${name.text}` : name.text;
  });
  return `${text}const {${parts.join(',')}}=${source};`;
}

/** Returns the text of the function that a chunk becomes: what precedes its body, the body, and what follows. */
function convert(name, source, isChunk) {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.ES2022, false, ts.ScriptKind.JS);
  let body = source;
  let before = '';
  let exported = '';
  const imports = [];
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement)) {
      before += importText(statement, isChunk);
      if (isChunk(statement.moduleSpecifier.text)) imports.push(basename(statement.moduleSpecifier.text));
    } else if (ts.isExportDeclaration(statement)) {
      if (statement.moduleSpecifier) throw new Error(`${name} exports from another file`);
      for (const {name: as, propertyName} of statement.exportClause.elements)
        exported += `${JSON.stringify(as.text)}:${(propertyName ?? as).text},`;
    } else if (ts.isExportAssignment(statement)) {
      // as long as `export default`
      const start = statement.getStart(file);
      body = `${body.slice(0, start)}var $default =${body.slice(start + 14)}`;
      exported += 'default:$default,';
      continue;
    } else {
      continue;
    }
    body = blank(body, statement.getStart(file), statement.end);
  }
  const visit = node => {
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const start = node.expression.getStart(file);
      body = `${body.slice(0, start)}$impor${body.slice(start + 6)}`;
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return {before, body, after: `return{${exported}}`, imports};
}

function checkOrder(chunks) {
  const state = new Map();
  const visit = (name, way) => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open') throw new Error(`chunks import each other: ${[...way, name].join(' > ')}`);
    state.set(name, 'open');
    for (const next of chunks.get(name).imports) visit(next, [...way, name]);
    state.set(name, 'done');
  };
  for (const name of chunks.keys()) visit(name, []);
}

/** Returns a script of chunks and its source map, which will be in `path`. */
function join(path, head, chunks, tail) {
  let code = head;
  const sources = [];
  const mappings = head
    .split('\n')
    .slice(1)
    .map(() => []);
  for (const [name, {before, body, after, map, folder}] of chunks) {
    code += `${JSON.stringify(name)}(){${before}\n${body}\n${after}},\n`;
    const lines = decode(map.mappings);
    const moved = segment => (segment.length > 1 ? segment.with(1, segment[1] + sources.length) : segment);
    mappings.push([], ...body.split('\n').map((_, line) => (lines[line] ?? []).map(moved)), []);
    sources.push(...map.sources.map(source => relative(dirname(path), resolve(folder, source))));
  }
  return {code: code + tail, map: JSON.stringify({version: 3, sources, names: [], mappings: encode(mappings)})};
}

/** Returns the chunks of esbuild's output of a build with `splitting` and external source maps, by name. */
export function readChunks(files) {
  const texts = new Map(files.map(file => [basename(file.path), file.text]));
  const isChunk = from => /^\.{1,2}\//.test(from) && texts.has(basename(from));
  const chunks = new Map();
  for (const [name, text] of texts) {
    if (!name.endsWith('.js')) continue;
    const map = JSON.parse(texts.get(`${name}.map`));
    chunks.set(name, {...convert(name, text, isChunk), map, folder: dirname(files[0].path)});
  }
  checkOrder(chunks);
  return chunks;
}

/**
 * Returns the scripts of a program by name, as `{code, map}`, which will be in a folder: `names` are those of the scripts,
 * `partOf` tells in which of them a chunk is. The first is the one to start; it exports what the chunk `entry` does and `made`,
 * the chunks that ran, by name. The others are read when a chunk is first needed that none before has.
 */
export function pack(chunks, entry, folder, [first, ...others], partOf) {
  const part = name => [...chunks].filter(([chunk]) => partOf(chunk) === name);
  const parts = JSON.stringify(others.map(name => `./${name}.cjs`));
  const tail = `};\nmodule.exports={...$chunk(${JSON.stringify(entry)}),made:$made};\n`;
  const scripts = {[first]: join(`${folder}/${first}.cjs`, FIRST.replace('PARTS', parts), part(first), tail)};
  for (const name of others) scripts[name] = join(`${folder}/${name}.cjs`, OTHER, part(name), '});\n');
  return scripts;
}
