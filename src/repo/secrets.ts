/**
 * Hides secrets in what is about to be recorded: command lines and SQL. What looks like a password, token or key by the name
 * that it is given under becomes `***`, and so do the credentials in URLs and the secrets of tokens; it hides rather too much
 * than too little. What it cannot know is a secret without a name: an argument by itself, a value in SQL. Layer: repo.
 */

const MASK = '***';

const SECRET_WORDS = new Set([
  'auth',
  'authorization',
  'bearer',
  'cookie',
  'credential',
  'credentials',
  'pass',
  'passcode',
  'passphrase',
  'passwd',
  'password',
  'pwd',
  'secret',
  'secrets',
  'token',
]);
/** What such a word may stand at the end of: `dbpassword`. */
const SECRET_ENDS = /(?:password|passwd|passphrase|secret|token|apikey|accesskey|privatekey|secretkey)$/;
const KEY_KINDS = new Set(['access', 'api', 'auth', 'encryption', 'master', 'private', 'shared', 'signing']);
/** A name that ends so tells where a secret is, not what it is. */
const PLACES = new Set(['env', 'file', 'path', 'prompt', 'stdin']);
/** Names that mean a secret in the query of a URL only. */
const QUERY_SECRETS = new Set(['key', 'sig', 'signature']);

/** Returns whether what has this name is a secret: `password`, `db-password`, `accessToken`, `API_KEY`. */
export function isSecretName(name: string): boolean {
  const parts = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(part => part !== '');
  if (parts[0] === 'no' || PLACES.has(parts.at(-1) ?? '')) return false;
  return parts.some(
    (part, i) =>
      SECRET_WORDS.has(part) || SECRET_ENDS.test(part) || (part === 'key' && KEY_KINDS.has(parts[i - 1] ?? '')),
  );
}

/** `--name`, `-name`, and with `=value` after it. */
const OPTION = /^(--?[a-z][\w.-]*)(=)?/i;
/** `name=value` and `name:type=value`. */
const ASSIGNMENT = /^([:@$]?[a-z_][\w.-]*)(?::\w+)?=/i;

/** Returns the words of a command line without the secrets in them. */
export function maskWords(words: readonly string[]): string[] {
  const masked: string[] = [];
  const isConfig = words.find(word => !word.startsWith('-')) === 'config';
  let hidden = false;
  for (const word of words) {
    const option = OPTION.exec(word);
    if (hidden) {
      masked.push(MASK);
      hidden = false;
    } else if (option) {
      const [start, name = '', equals] = option;
      if (!isSecretName(name)) masked.push(equals ? start + maskValue(word.slice(start.length)) : maskText(word));
      else if (equals) masked.push(start + MASK);
      else {
        masked.push(word);
        hidden = start === word;
      }
    } else {
      masked.push(maskValue(word));
      hidden = isConfig && /^[\w.-]+$/.test(word) && isSecretName(word);
    }
  }
  return masked;
}

function maskValue(word: string): string {
  const assignment = ASSIGNMENT.exec(word);
  return assignment && isSecretName(assignment[1] as string) ? assignment[0] + MASK : maskText(word);
}

/** Returns a text in which URLs have no credentials, and tokens of dbos no secret. */
export function maskText(text: string): string {
  return maskTokens(text.includes('://') ? maskWith(text, '') : text);
}

/** Returns SQL without them: a quote that is not doubled ends a URL. */
export function maskSql(sql: string): string {
  return maskTokens(sql.includes('://') ? maskWith(sql, `'"`) : sql);
}

/** Hides the secret of a token, whose id stays; also of one that was cut off or run together with other text. */
function maskTokens(text: string): string {
  return text.replace(/(dbos_[a-z2-7]{16}_)[a-z2-7]+/g, `$1${MASK}`);
}

/** A scheme is short; without a limit each letter of a long text would begin one. */
const SCHEME = '\\b[a-z][a-z0-9+.-]{0,30}://';

function maskWith(text: string, quotes: string): string {
  const run = new RegExp(`${SCHEME}(?:[^\\s${quotes}]${quotes && "|''"})*`, 'gi');
  return text.replace(run, maskUrl);
}

const AUTHORITY_END = /[/?#]/g;

/** Hides the credentials of a URL, and of one within it; in time that grows with its length. */
function maskUrl(url: string): string {
  const last = url.lastIndexOf('@');
  let masked = '';
  let done = 0;
  for (let mark = url.indexOf('://'); mark >= 0; mark = url.indexOf('://', Math.max(mark + 3, done))) {
    const start = mark + 3;
    AUTHORITY_END.lastIndex = start;
    const end = AUTHORITY_END.exec(url)?.index ?? url.length;
    const authority = url.slice(start, end);
    const colon = authority.indexOf(':');
    let at = authority.lastIndexOf('@');
    if (at < 0) {
      // what is no port is a password, though it should not have a character that ends it
      const isHost = colon < 0 || authority.startsWith('[') || /^\d*$/.test(authority.slice(colon + 1));
      if (last < end || isHost) continue;
      at = last - start;
    }
    if (colon >= 0 && colon < at) masked += `${url.slice(done, start + colon + 1)}${MASK}`;
    // the only word of https may be a token; of others, as ssh, it is an account
    else if (/https?$/i.test(url.slice(Math.max(0, mark - 5), mark)) && at > 0)
      masked += `${url.slice(done, start)}${MASK}`;
    else continue;
    done = start + at;
  }
  return maskQuery(masked + url.slice(done));
}

function maskQuery(url: string): string {
  return url.replace(/([?&;#])([^?&;#=]+)=[^&;#]*/g, (whole, mark: string, name: string) => {
    const plain = decoded(name);
    return isSecretName(plain) || QUERY_SECRETS.has(plain.toLowerCase()) ? `${mark}${name}=${MASK}` : whole;
  });
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
