// Runs the sqllogictest files of SLT_DIR (else ../shared/sqllogictest); the last line is `N passed, N failed`.
import {fileURLToPath} from 'node:url';

const {scriptCommand} = await import('../dist/test/sql/slt/command.js');
const root = fileURLToPath(new URL('..', import.meta.url));
process.exitCode = scriptCommand(process.argv.slice(2), root) ? 0 : 1;
