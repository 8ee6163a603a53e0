/** A start-up that cannot go on; one line per mistake. */
export class ConfigError extends Error {
  constructor(readonly mistakes: string[]) {
    super(
      `PyTake cannot start, ${mistakes.length} setting${mistakes.length === 1 ? ' is' : 's are'} wrong:\n${mistakes.map((m) => `  - ${m}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}
