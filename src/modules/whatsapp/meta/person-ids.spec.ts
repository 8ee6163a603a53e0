import { META, metaPayload } from '../../../../test/support/meta-payloads';
import { PHONE, item, one } from '../../../../test/support/parsed-webhook';
import { parseWebhook } from './parse-webhook';

describe('the person', () => {
  it('without a phone is known by the business-scoped id', () => {
    expect(one(metaPayload.text({ from: null }), 'message').ids).toEqual({ bsuid: META.user_id });
  });

  it('of before April 2026 is known by the phone alone', () => {
    expect(one(metaPayload.text({ user_id: null }), 'message').ids).toEqual({ phone: PHONE });
  });

  it('may have a parent id', () => {
    expect(one(metaPayload.text({ parent_user_id: 'BR.ENT.77' }), 'message').ids).toEqual({
      phone: PHONE,
      bsuid: META.user_id,
      parent_bsuid: 'BR.ENT.77',
    });
  });

  it('needs no contacts', () => {
    expect(one(metaPayload.text({ contacts: null }), 'message')).toMatchObject({
      ids: { phone: PHONE, bsuid: META.user_id },
      profile_name: null,
    });
  });

  it('is found in contacts by id, wherever it stands', () => {
    const other = { profile: { name: 'Bia' }, wa_id: '5521966665555', user_id: 'BR.2' };
    const own = { profile: { name: 'Ana' }, wa_id: META.from, user_id: META.user_id };
    expect(one(metaPayload.text({ contacts: [other, own] }), 'message').profile_name).toBe('Ana');
    expect(one(metaPayload.text({ user_id: null, contacts: [other, own] }), 'message')).toMatchObject({
      profile_name: 'Ana',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
    expect(one(metaPayload.text({ from: null, contacts: [other, own] }), 'message')).toMatchObject({
      profile_name: 'Ana',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
  });

  it('is never taken from somebody else’s card', () => {
    const other = { profile: { name: 'Bia' }, wa_id: '5521966665555', user_id: 'BR.2' };
    expect(one(metaPayload.text({ contacts: [other] }), 'message')).toMatchObject({
      profile_name: null,
      ids: { phone: PHONE, bsuid: META.user_id },
    });
    const same_phone_other_id = { profile: { name: 'Bia' }, wa_id: META.from, user_id: 'BR.2' };
    expect(one(metaPayload.text({ contacts: [same_phone_other_id] }), 'message').profile_name).toBeNull();
  });

  it('is the same with and without the ninth digit, and keeps the id of the message', () => {
    const card = { profile: { name: 'Ana' }, wa_id: '551188887777' };
    expect(one(metaPayload.text({ user_id: null, contacts: [card] }), 'message')).toMatchObject({
      profile_name: 'Ana',
      ids: { phone: PHONE },
    });
  });

  it('is paired with a lone card when one side has no id', () => {
    expect(
      one(metaPayload.text({ from: null, user_id: null, contacts: [{ profile: { name: 'Ana' }, wa_id: META.from }] }), 'message'),
    ).toMatchObject({ profile_name: 'Ana', ids: { phone: PHONE } });
    expect(one(metaPayload.text({ contacts: [{ profile: { name: 'Ana' } }] }), 'message').profile_name).toBe('Ana');
  });

  it('is not guessed among several', () => {
    const cards = [
      { profile: { name: 'Ana' }, wa_id: META.from },
      { profile: { name: 'Bia' }, wa_id: '5521966665555' },
    ];
    expect(one(metaPayload.text({ from: null, user_id: null, contacts: cards }), 'poison').reason).toBe('no_person');
    const two = metaPayload.merge([
      metaPayload.text({ from: null, user_id: null, contacts: [cards[0] ?? {}] }),
      metaPayload.text({ from: null, user_id: null, contacts: [] }),
    ]);
    expect(parseWebhook(two).map((parsed) => parsed.kind)).toEqual(['poison', 'poison']);
  });

  it('is sorted by the shape of the id, not by its key', () => {
    expect(one(metaPayload.text({ from: 'BR.9', user_id: null, contacts: null }), 'message').ids).toEqual({ bsuid: 'BR.9' });
    expect(one(metaPayload.text({ from: 'not-a-phone', contacts: null }), 'message').ids).toEqual({ bsuid: META.user_id });
    expect(one(metaPayload.text({ user_id: 'BR.ENT.5', contacts: null }), 'message').ids).toEqual({
      phone: PHONE,
      parent_bsuid: 'BR.ENT.5',
    });
  });

  it('in a group is the one who wrote', () => {
    expect(one(metaPayload.text({ group_id: 'G1' }), 'message')).toMatchObject({
      group_id: 'G1',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
  });
});

describe('a system message', () => {
  it.each(['user_changed_number', 'customer_changed_number'])('%s gives the old and the new phone', (spelling) => {
    const system = one(metaPayload.changedNumber({ spelling, user_id: null, new_user_id: 'BR.9' }), 'system');
    expect(system).toMatchObject({ system_type: 'user_changed_number', payload: { type: spelling, new_wa_id: '5511977776666' } });
    expect(system.old_ids).toEqual({ phone: PHONE });
    expect(system.new_ids).toEqual({ phone: '+5511977776666', bsuid: 'BR.9' });
  });

  it('gives the old business-scoped id from its field, or from the sentence', () => {
    const typed = one(metaPayload.changedUserId({ from: null, old_user_id: 'BR.1', user_id: 'BR.1', new_user_id: 'BR.2' }), 'system');
    expect([typed.old_ids, typed.new_ids]).toEqual([{ bsuid: 'BR.1' }, { bsuid: 'BR.2' }]);
    const told = one(metaPayload.changedUserId({ from: null, user_id: null, old_user_id: 'BR.1', new_user_id: 'BR.2' }), 'system');
    expect([told.old_ids, told.new_ids]).toEqual([{ bsuid: 'BR.1' }, { bsuid: 'BR.2' }]);
    const misplaced = one(metaPayload.changedUserId({ from: null, user_id: 'BR.2', old_user_id: 'BR.1', new_user_id: 'BR.2' }), 'system');
    expect([misplaced.old_ids, misplaced.new_ids]).toEqual([{ bsuid: 'BR.1' }, { bsuid: 'BR.2' }]);
  });

  it('keeps the phone of one whose user id changed', () => {
    const system = one(metaPayload.changedUserId({ new_wa_id: '5511977776666' }), 'system');
    expect(system.old_ids).toEqual({ phone: PHONE, bsuid: META.user_id });
    expect(system.new_ids).toEqual({ phone: '+5511977776666', bsuid: 'BR.1502000000000999' });
  });

  it('does not believe a name that looks like the sentence', () => {
    const payload = metaPayload.changedUserId({ from: null, user_id: null, new_user_id: 'BR.2' });
    (item(payload).system as Record<string, unknown>).body = 'User Ana from BR.7 to BR.8 changed from 5511988887777 to BR.2';
    const system = one(payload, 'system');
    expect([system.old_ids, system.new_ids]).toEqual([{}, { bsuid: 'BR.2' }]);
  });

  it('tells a new device', () => {
    expect(one(metaPayload.identityChanged({ from: null, user_id: null }), 'system')).toMatchObject({
      system_type: 'customer_identity_changed',
      old_ids: { phone: PHONE },
      new_ids: {},
      ids: { phone: PHONE },
    });
  });

  it('of an unknown kind is kept', () => {
    const payload = metaPayload.identityChanged();
    (item(payload).system as Record<string, unknown>).type = 'something_new';
    expect(one(payload, 'system')).toMatchObject({ system_type: 'other', payload: { type: 'something_new' } });
  });

  it('about nobody is poison', () => {
    const payload = metaPayload.identityChanged({ from: null, user_id: null });
    item(payload).system = { type: 'user_changed_number', body: 'x' };
    expect(one(payload, 'poison').reason).toBe('no_person');
  });
});

describe('user preferences and ids', () => {
  it.each([
    ['stop', false],
    ['resume', true],
    ['signup', null],
  ])('%s sets the marketing opt-in to %s', (value, opt_in) => {
    expect(one(metaPayload.userPreference(value), 'preference')).toMatchObject({
      value,
      opt_in,
      category: 'marketing_messages',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
  });

  it('a preference of nobody is poison', () => {
    expect(one(metaPayload.userPreference('stop', { from: null, user_id: null, contacts: null }), 'poison').reason).toBe('no_person');
  });

  it('rotates a business-scoped id', () => {
    const update = one(
      metaPayload.userIdUpdate({ previous: 'BR.1', current: 'BR.2', parent: { previous: 'BR.ENT.1', current: 'BR.ENT.2' } }),
      'user_id',
    );
    expect(update.old_ids).toEqual({ bsuid: 'BR.1', parent_bsuid: 'BR.ENT.1' });
    expect(update.new_ids).toEqual({ phone: PHONE, bsuid: 'BR.2', parent_bsuid: 'BR.ENT.2' });
    expect(one(metaPayload.userIdUpdate({ previous: 'junk' }), 'poison').reason).toBe('no_person');
  });
});
