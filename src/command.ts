/** Runs a command of the console; what goes wrong is told in one line. */
export function runCommand(work: (args: string[]) => Promise<void>): void {
  // Until it is done it has failed: Node ends with 0 when nothing is left to wait for.
  process.exitCode = 1;
  work(process.argv.slice(2)).then(
    () => (process.exitCode = 0),
    (error: unknown) => console.error(error instanceof Error ? error.message : error),
  );
}
