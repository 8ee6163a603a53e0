import { parse } from '#api/validation.pipe';
import { Invalid } from '#common/errors';
import { isTimeZone } from '#common/fields';
import { withoutNulls } from '#common/given';
import { inIpRanges, isIpRange } from '#common/ip-ranges';
import type { JsonObject } from '#common/json.scalar';
import { dayIn } from '#common/period';
import { toBusinessHours } from './business-hours';
import { csatOf } from './csat.dto';
import { type OrganizationSettings, OrganizationSettingsUpdate, SETTINGS_DEFAULTS } from './organization.dto';
import type { Organization } from './organization.entity';
import { stopWordLists } from './stop-words';

/** The day on which its trial ends, as its calendar says; null: it never had one. */
export const trialEndsOn = ({ settings, trial_ends_at }: Pick<Organization, 'settings' | 'trial_ends_at'>): string | null =>
  trial_ends_at && dayIn(settingsOf({ settings }).timezone, trial_ends_at);

const SETTINGS_BYTES = 65_536;

/** Stored settings over the defaults, without the AI room's keys. */
export function settingsOf({ settings }: Pick<Organization, 'settings'>): OrganizationSettings {
  const stored = settings as Partial<OrganizationSettings> & { ai_assistant?: JsonObject };
  return {
    ...SETTINGS_DEFAULTS,
    ...stored,
    // Kept before PostgreSQL was asked, or where its tz data was another: no count by month may fail for it.
    timezone: stored.timezone && isTimeZone(stored.timezone) ? stored.timezone : SETTINGS_DEFAULTS.timezone,
    notification_settings: { ...SETTINGS_DEFAULTS.notification_settings, ...stored.notification_settings },
    security_settings: { ...SETTINGS_DEFAULTS.security_settings, ...stored.security_settings },
    privacy_settings: { ...SETTINGS_DEFAULTS.privacy_settings, ...stored.privacy_settings },
    csat: csatOf(stored.csat),
    ...stopWordLists(stored),
    ...(stored.ai_assistant && {
      ai_assistant: Object.fromEntries(Object.entries(stored.ai_assistant).filter(([key]) => !key.endsWith('_api_key'))),
    }),
  };
}

/** Settings inside of a body, checked as a body of their own is. @throws {Invalid} */
export const readSettings = (given: JsonObject): Promise<OrganizationSettingsUpdate> =>
  parse(OrganizationSettingsUpdate, given, 'body', 'settings');

/**
 * Checked settings over stored ones: top-level keys replace; null goes back to the default; keys we do not know are kept as given.
 * @param ip The caller's address. null: nobody's.
 * @throws {Invalid} ai_assistant (set by its own room), more than 64 KB, or IP ranges that shut the caller out.
 */
export function mergeSettings(stored: JsonObject, given: OrganizationSettingsUpdate, ip: string | null): JsonObject {
  if ('ai_assistant' in given) throw Invalid.field('ai_assistant', 'ai_assistant is set at /ai-assistant/settings');
  const { business_hours, security_settings } = given;
  checkIpRanges(security_settings?.allowed_ip_ranges ?? [], ip);
  const changes = { ...withoutEmptyGroups(given), ...(business_hours && { business_hours: toBusinessHours(business_hours) }) };
  const merged = withoutNulls({ ...stored, ...changes }) as JsonObject;
  if (Buffer.byteLength(JSON.stringify(merged)) > SETTINGS_BYTES)
    throw new Invalid([{ loc: ['body'], msg: 'settings must be at most 64 KB of JSON', type: 'too_long' }]);
  return merged;
}

/** What an audit entry tells of settings: what went back to its default is null. */
export const toldOf = (before: JsonObject, after: JsonObject): { before: JsonObject; after: JsonObject } => ({
  before,
  after: { ...Object.fromEntries(Object.keys(before).map((key) => [key, null])), ...after },
});

function checkIpRanges(ranges: readonly string[], ip: string | null): void {
  const wrong = (msg: string): Invalid =>
    new Invalid([{ loc: ['body', 'security_settings', 'allowed_ip_ranges'], msg, type: 'value_error' }]);
  const odd = ranges.find((range) => !isIpRange(range));
  if (odd !== undefined) throw wrong(`"${odd}" is not a range such as 203.0.113.0/24`);
  if (ranges.length && ip !== null && !inIpRanges(ip, ranges)) throw wrong(`The ranges leave out your own address, ${ip}`);
}

const GROUPS = new Set(['notification_settings', 'security_settings', 'privacy_settings', 'csat']);

/** Inside a group of ours null is its default, and nothing is kept of it. */
const withoutEmptyGroups = (settings: object): JsonObject =>
  Object.fromEntries(
    Object.entries(settings as JsonObject)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, GROUPS.has(key) && value ? withoutEmpty(value as JsonObject) : value]),
  ) as JsonObject;

const withoutEmpty = (group: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(group).filter(([, value]) => value !== null && value !== undefined)) as JsonObject;
