import type { JsonObject } from '#common/json.scalar';
import { MASK, isSecretName, maskSecrets } from '#common/mask';
import type { TelemetryService } from '#observability/trace-ring';
import { LEVELS, type Level, type LogEntry } from './telemetry.dto';

/** What people write to each other is in no line of ours; what somebody logs by mistake is not told here. */
const TEXTS = new Set(['content', 'text', 'body', 'caption', 'html', 'note', 'notes']);

/** What a line says. */
export function entryOf(line: string): LogEntry {
  const { time, level, msg, service, request_id, trace_id, organization_id, ...fields } = JSON.parse(line) as Record<string, unknown>;
  return {
    timestamp: new Date(String(time)),
    level: LEVELS.find((known) => known === level) ?? 'debug',
    service: serviceOf(String(service), fields),
    message: String(msg ?? ''),
    request_id: textOf(request_id),
    trace_id: textOf(trace_id),
    organization_id: textOf(organization_id),
    context: fields,
  };
}

/** The line as it may be seen. */
export const presentEntry = (entry: LogEntry): LogEntry => ({
  ...entry,
  context: maskSecrets(entry.context, { hide: (name) => (isSecretName(name) || TEXTS.has(name) ? MASK : undefined) }) as JsonObject,
});

/** A process has one name; what it did decides. */
function serviceOf(service: string, { context, route }: Record<string, unknown>): TelemetryService {
  if (typeof route === 'string' && route.startsWith('/api/v1/whatsapp/webhook')) return 'webhook';
  if (context === 'Receipt') return 'webhook';
  if (context === 'realtime') return 'websocket';
  return service === 'worker' ? 'worker' : 'backend';
}

export const atLeastLevel = (level: Level, least: Level): boolean => LEVELS.indexOf(level) >= LEVELS.indexOf(least);

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
