import { ModuleMocker } from 'jest-mock';

/** Jest's settings of one spec, as jest-circus reads them: `jest.retryTimes` and `jest.setTimeout` say them so. */
const SETTINGS = ['RETRY_TIMES', 'LOG_ERRORS_BEFORE_RETRY', 'RETRY_IMMEDIATELY', 'TEST_TIMEOUT_SYMBOL'] as const;

const world = globalThis as unknown as Record<string | symbol, unknown>;
const set = (setting: (typeof SETTINGS)[number], value: unknown): void => void (world[Symbol.for(setting)] = value);

/** The process itself, see JestRuntime: what one spec leaves in it is taken back before the next. */
export default class JestEnvironment {
  readonly global = globalThis;
  readonly moduleMocker = new ModuleMocker(globalThis);
  private readonly variables = { ...process.env };
  private readonly kept = { exit: process.exit, console: globalThis.console };

  /** Asked by Jest; nothing runs in a context of its own. */
  getVmContext(): null {
    return null;
  }

  async setup(): Promise<void> {
    const { moduleMocker: mocker } = this;
    world.jest = {
      fn: mocker.fn.bind(mocker),
      spyOn: mocker.spyOn.bind(mocker),
      setTimeout: (ms: number) => set('TEST_TIMEOUT_SYMBOL', ms),
    };
    if (!process.env.CI) return;
    // The specs run real processes, servers and their own sweeps on two busy cores. In the gate a test that failed is run once more, at once, and
    // its first error is printed: what is broken fails twice.
    set('RETRY_TIMES', 1);
    set('LOG_ERRORS_BEFORE_RETRY', true);
    set('RETRY_IMMEDIATELY', true);
  }

  async teardown(): Promise<void> {
    this.moduleMocker.restoreAllMocks();
    for (const setting of SETTINGS) delete world[Symbol.for(setting)];
    for (const name of Object.keys(process.env)) if (!(name in this.variables)) delete process.env[name];
    Object.assign(process.env, this.variables);
    process.exit = this.kept.exit;
    globalThis.console = this.kept.console;
  }
}
