import type { LoggerService } from '@nestjs/common';
import pino, { type DestinationStream, type Level, type Logger } from 'pino';
import { maskSecrets, scrubText } from '#common/mask';
import { LogRing } from './log-ring';
import { originOfLine } from './tracing';

export interface LoggerOptions {
  level: string;
  /** For people: one short line each. Only ever on a terminal in development. */
  pretty?: boolean;
  /** backend or worker; on every line. */
  service?: string;
  destination?: DestinationStream;
  /** Keeps the last lines besides. */
  ring?: LogRing;
}

/** JSON lines without secrets or phones: every object and every message passes the mask on its way out. */
export function createLogger({ level, pretty = false, service = 'backend', destination = process.stdout, ring }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => originOfLine() ?? {},
      serializers: { err: (error: unknown) => error },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => maskSecrets(fields, { text: scrubText }) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method) {
          method.apply(this, args.map((arg: unknown) => (typeof arg === 'string' ? scrubText(arg) : arg)) as typeof args);
        },
      },
    },
    ring ? ring.to(pretty ? prettyStream(destination) : destination) : pretty ? prettyStream(destination) : destination,
  );
}

/** What Nest says while it wires the house is for us, not for operators. */
const QUIET_CONTEXTS = new Set([
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'WebSocketsController',
  'NestFactory',
  'BullExplorer',
  'GraphQLModule',
]);

/** Nest's logger on pino: `new Logger('room').error({ msg, err, ... })` anywhere ends here. */
export class AppLogger implements LoggerService {
  constructor(readonly pino: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(QUIET_CONTEXTS.has(String(rest.at(-1))) ? 'debug' : 'info', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  /** Nest's convention: `(message, ...more, context)`, for errors `(message, stack, context)`. */
  private write(level: Level, message: unknown, rest: unknown[]): void {
    if (!this.pino.isLevelEnabled(level)) return;
    const context = typeof rest.at(-1) === 'string' ? (rest.pop() as string) : undefined;
    const fields: Record<string, unknown> = context ? { context } : {};
    for (const more of rest) {
      if (more instanceof Error) fields.err = more;
      else if (typeof more === 'string') fields.stack = more;
      else if (more !== null && typeof more === 'object') Object.assign(fields, more);
    }
    if (message instanceof Error) this.pino[level]({ ...fields, err: message }, message.message);
    else if (message !== null && typeof message === 'object') {
      const { msg, ...more } = message as Record<string, unknown>;
      this.pino[level]({ ...fields, ...more }, typeof msg === 'string' ? msg : '');
    } else this.pino[level](fields, String(message));
  }
}

const COLOURS: Record<string, number> = { trace: 90, debug: 90, info: 32, warn: 33, error: 31, fatal: 31 };

function prettyStream(destination: DestinationStream): DestinationStream {
  return {
    write(line: string): void {
      const { time, level, context, msg, service: _service, stack, err, ...more } = JSON.parse(line) as Record<string, unknown>;
      const details = Object.keys(more).length ? ` \x1b[90m${JSON.stringify(more)}\x1b[0m` : '';
      const trace = (err as { stack?: string } | undefined)?.stack ?? stack;
      destination.write(
        `\x1b[90m${String(time).slice(11, 19)}\x1b[0m \x1b[${COLOURS[String(level)] ?? 0}m${String(level).padEnd(5)}\x1b[0m ` +
          `${typeof context === 'string' ? `[${context}] ` : ''}${String(msg)}${details}\n${typeof trace === 'string' ? `${trace}\n` : ''}`,
      );
    },
  };
}
