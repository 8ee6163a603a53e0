import type { AppError } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { changesOf, mergeAttributes, newContact } from './contact-changes';

const now = new Date('2026-11-20T12:00:00Z');
const blank = newContact({}, now);

/** Which keys of the attributes are refused. */
function refused(changes: JsonObject, current: JsonObject = {}): unknown {
  try {
    mergeAttributes(current, changes);
    return null;
  } catch (error) {
    return (error as AppError).details?.map((detail) => detail.loc?.slice(2).join('.'));
  }
}

describe('attributes', () => {
  it('merges, and null removes a key', () => {
    expect(mergeAttributes({ plan: 'gold', age: 41 }, { plan: null, tags: ['a', 1, null], vip: false })).toEqual({
      age: 41,
      tags: ['a', 1, null],
      vip: false,
    });
  });

  it.each([
    ['a key with a space', { 'two words': 1 }, ['two words']],
    ['a key that begins with a digit', { '1st': 1 }, ['1st']],
    ['a key of 65 characters', { [`k${'x'.repeat(64)}`]: 1 }, [`k${'x'.repeat(64)}`]],
    ['__proto__', JSON.parse('{"__proto__": 1}') as JsonObject, ['__proto__']],
    ['a wrong key even to remove', { 'a-b': null }, ['a-b']],
    ['a text over 1000 characters', { note: 'x'.repeat(1001) }, ['note']],
    ['an object', { address: { city: 'Recife' } }, ['address']],
    ['an array in an array', { list: [['x']] }, ['list']],
    ['51 values', { list: Array(51).fill(1) }, ['list']],
    ['infinity', { n: Infinity }, ['n']],
    ['each wrong key at once', { 'a b': 1, ok: 1, c: {} }, ['a b', 'c']],
  ])('refuses %s', (_, changes, keys) => {
    expect(refused(changes)).toEqual(keys);
  });

  it('takes a key of 64 characters, a text of 1000 and 50 values', () => {
    expect(refused({ [`k${'x'.repeat(63)}`]: 'x'.repeat(1000), list: Array(50).fill('y') })).toBeNull();
  });

  it('counts keys and bytes after the merge', () => {
    const fifty = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, n]));
    expect(refused({ one_more: 1 }, fifty)).toEqual(['']);
    expect(refused({ one_more: 1, k0: null }, fifty)).toBeNull();
    const heavy = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`, 'x'.repeat(1000)]));
    expect(refused({ last: 'x'.repeat(400) }, heavy)).toEqual(['']);
    expect(refused({ last: 'é'.repeat(150) }, heavy)).toEqual(['']);
    expect(refused({ last: 'x'.repeat(100) }, heavy)).toBeNull();
  });
});

describe('numbers', () => {
  it('takes the first of whatsapp_id, phone_number and phone, and another one as the alternative', () => {
    expect(changesOf(blank, { phone: '+5511987654321' }, now)).toEqual({ whatsapp_id: '+5511987654321', match_key: '551187654321' });
    expect(changesOf(blank, { whatsapp_id: '+5511987654321', phone: '+5511912345678' }, now)).toMatchObject({
      whatsapp_id: '+5511987654321',
      alternative_phone: '+5511912345678',
    });
    expect(changesOf(blank, { phone_number: '+5511987654321', phone: '+5511912345678' }, now)).toMatchObject({
      whatsapp_id: '+5511987654321',
      alternative_phone: '+5511912345678',
    });
  });

  it('knows the same number under both spellings, and lets alternative_phone speak for itself', () => {
    expect(changesOf(blank, { whatsapp_id: '+5511987654321', phone: '+551187654321' }, now)).not.toHaveProperty('alternative_phone');
    expect(
      changesOf(blank, { whatsapp_id: '+5511987654321', phone: '+5511912345678', alternative_phone: '+551132345678' }, now),
    ).toMatchObject({ alternative_phone: '+551132345678' });
  });

  it('forgets the reported number with the number it was reported for', () => {
    const known = { ...blank, whatsapp_id: '+5511987654321', match_key: '551187654321', wa_id: '551187654321' };
    expect(changesOf(known, { whatsapp_id: '+5511987654321' }, now)).toEqual({});
    expect(changesOf(known, { whatsapp_id: '+5511912345678' }, now)).toMatchObject({ wa_id: null, match_key: '5511912345678' });
  });
});

describe('consent and blocks', () => {
  const before = new Date('2026-01-01T00:00:00Z');

  it('dates an opt-out and an opt-in when they change, not when they are repeated', () => {
    expect(blank).toMatchObject({ opt_in: true, opt_in_date: now, opt_out_date: null });
    expect(newContact({ opt_in: false }, now)).toMatchObject({ opt_in: false, opt_in_date: null, opt_out_date: now });
    const out = { ...blank, opt_in: false, opt_in_date: null, opt_out_date: before };
    expect(changesOf(blank, { opt_in: false }, now)).toEqual({ opt_in: false, opt_in_date: null, opt_out_date: now });
    expect(changesOf(out, { opt_in: true }, now)).toEqual({ opt_in: true, opt_in_date: now, opt_out_date: null });
    expect(changesOf(out, { opt_in: false }, now)).toEqual({});
  });

  it('keeps the time of the first block, takes the reason of the last, and clears both with it', () => {
    const blocked = { ...blank, is_blocked: true, blocked_at: before, blocked_reason: 'spam' };
    expect(changesOf(blank, { is_blocked: true, blocked_reason: 'spam' }, now)).toEqual({
      is_blocked: true,
      blocked_at: now,
      blocked_reason: 'spam',
    });
    expect(changesOf(blocked, { is_blocked: true, blocked_reason: 'abuse' }, now)).toEqual({ blocked_reason: 'abuse' });
    expect(changesOf(blocked, { is_blocked: false }, now)).toEqual({ is_blocked: false, blocked_at: null, blocked_reason: null });
    expect(changesOf(blank, { blocked_reason: 'of nothing' }, now)).toEqual({});
  });
});
