// Compares the engine with sqlite3 on random queries: --queries N, --seed S, --only N.
const {oracleCommand} = await import('../dist/test/sql/oracle/command.js');
process.exitCode = oracleCommand(process.argv.slice(2)) ? 0 : 1;
