import { META, type MetaPayload, metaJson, metaPayload } from '../../../../test/support/meta-payloads';
import { PHONE, item, one, value } from '../../../../test/support/parsed-webhook';
import { parseJsonKeepingBigIds, parseWebhook } from './parse-webhook';

describe('a status', () => {
  it.each(['sent', 'delivered', 'read', 'played', 'failed'] as const)('%s', (name) => {
    const status = one(metaPayload.status(name, { id: 'wamid.S', timestamp: 1_790_000_001, callback_data: 'm-1' }), 'status');
    expect(status).toMatchObject({
      provider_id: 'wamid.S',
      status: name,
      raw_status: name,
      timestamp: new Date(1_790_000_001_000),
      callback_data: 'm-1',
      phone_number_id: META.phone_number_id,
    });
    expect(status.path).toBe('entry[0].changes[0].value.statuses[0]');
    expect(status.ids).toEqual(name === 'failed' ? { phone: PHONE } : { phone: PHONE, bsuid: META.user_id });
  });

  it.each(['deleted', 'warning', 'teleported'])('%s is of no known rank', (name) => {
    expect(one(metaPayload.status(name), 'status')).toMatchObject({ status: 'other', raw_status: name });
  });

  it('carries pricing and the free entry window', () => {
    const status = one(
      metaPayload.status('sent', {
        conversation: { id: 'c1', origin: { type: 'referral_conversion' }, expiration_timestamp: '1790000002' },
      }),
      'status',
    );
    expect(status.pricing).toEqual({ billable: true, category: 'service', pricing_model: 'PMP', type: 'regular' });
    expect(status.conversation).toEqual({ id: 'c1', origin_type: 'referral_conversion', expires_at: new Date(1_790_000_002_000) });
    expect(one(metaPayload.status('read', { pricing: null }), 'status').pricing).toBeUndefined();
  });

  it('carries the error of a failure', () => {
    const failed = metaPayload.status('failed', {
      error: { code: 131047, title: 'Re-engagement message', details: 'More than 24 hours have passed' },
    });
    expect(one(failed, 'status').error).toEqual({
      code: 131047,
      title: 'Re-engagement message',
      message: 'Re-engagement message',
      details: 'More than 24 hours have passed',
    });
    item(failed, 'statuses').errors = [{ code: '131047' }];
    expect(one(failed, 'status').error).toEqual({ code: 131047, title: null, message: null, details: null });
    item(failed, 'statuses').errors = 'boom';
    expect(one(failed, 'status').error).toBeUndefined();
  });

  it('may name nobody', () => {
    expect(one(metaPayload.status('failed', { recipient_id: null }), 'status').ids).toEqual({});
  });

  it('of a send to a business-scoped id shows the phone only if Meta does', () => {
    expect(one(metaPayload.status('delivered', { recipient_id: null, username: 'ana' }), 'status')).toMatchObject({
      ids: { bsuid: META.user_id },
      username: 'ana',
    });
  });

  it('in a group is of the participant', () => {
    const status = one(metaPayload.status('read', { group_id: 'G1', contacts: null }), 'status');
    expect(status).toMatchObject({ group_id: 'G1', ids: { phone: PHONE, bsuid: META.user_id } });
  });

  it('of a call is no message status', () => {
    expect(one(metaPayload.callStatus(), 'ignored').reason).toBe('call_status');
    expect(one(metaPayload.status('captured', { extra: { type: 'payment' } }), 'ignored').reason).toBe('payment_status');
  });
});

describe('an echo of the phone itself', () => {
  it('is an outgoing message to the customer', () => {
    const echo = one(metaPayload.echo({ id: 'wamid.E' }), 'echo');
    expect(echo).toMatchObject({
      provider_id: 'wamid.E',
      field: 'smb_message_echoes',
      path: 'entry[0].changes[0].value.message_echoes[0]',
    });
    expect(echo.event).toMatchObject({
      kind: 'message',
      message_type: 'text',
      content: 'Seu pedido saiu para entrega',
      ids: { phone: PHONE, bsuid: META.user_id },
    });
  });

  it('may edit or take back', () => {
    expect(one(metaPayload.echo({ type: 'revoke', content: { revoke: { original_message_id: 'wamid.O' } } }), 'echo').event).toMatchObject({
      kind: 'revoke',
      original_provider_id: 'wamid.O',
    });
    const content = { edit: { original_message_id: 'wamid.O', message: { type: 'text', text: { body: 'b' } } } };
    expect(one(metaPayload.echo({ type: 'edit', content }), 'echo').event).toMatchObject({ kind: 'edit', content: 'b' });
    expect(one(metaPayload.echo({ type: 'edit', content: {} }), 'poison').reason).toBe('no_target');
  });

  it('to nobody is poison', () => {
    expect(one(metaPayload.echo({ from: null, user_id: null, contacts: null }), 'poison').reason).toBe('no_person');
  });
});

describe('what is not for us', () => {
  it('is ignored with a reason', () => {
    expect(one(metaPayload.unknownField('future_thing'), 'ignored')).toMatchObject({ reason: 'field_not_used', field: 'future_thing' });
    expect(one(metaPayload.calls(), 'ignored')).toMatchObject({ field: 'calls' });
    expect(one({ ...metaPayload.text(), object: 'instagram' }, 'ignored').reason).toBe('other_object');
    const empty = metaPayload.text();
    delete value(empty).messages;
    expect(one(empty, 'ignored').reason).toBe('empty');
  });

  it('tells trouble out of band', () => {
    expect(one(metaPayload.valueErrors({ code: 131031 }), 'errors')).toMatchObject({
      errors: [{ code: 131031, title: 'Rate limit hit' }],
      phone_number_id: META.phone_number_id,
    });
  });
});

describe('poison', () => {
  it.each([
    ['no id', { id: undefined }, 'bad_id'],
    ['an empty id', { id: '' }, 'bad_id'],
    ['a number for an id', { id: 12 }, 'bad_id'],
    ['an endless id', { id: 'w'.repeat(513) }, 'bad_id'],
    ['an id with a zero byte', { id: 'wamid.\u0000' }, 'bad_id'],
    ['no timestamp', { timestamp: undefined }, 'bad_timestamp'],
    ['words for a timestamp', { timestamp: 'yesterday' }, 'bad_timestamp'],
    ['milliseconds', { timestamp: 1_790_000_000_000 }, 'bad_timestamp'],
    ['a negative timestamp', { timestamp: -1 }, 'bad_timestamp'],
    ['an object for a timestamp', { timestamp: {} }, 'bad_timestamp'],
  ])('is an item with %s', (_, fields, reason) => {
    for (const payload of [metaPayload.text(), metaPayload.echo()]) {
      const list = 'messages' in value(payload) ? 'messages' : 'message_echoes';
      Object.assign(item(payload, list), fields);
      expect(one(payload, 'poison')).toMatchObject({ reason, path: `entry[0].changes[0].value.${list}[0]` });
    }
    const status = metaPayload.status('sent');
    Object.assign(item(status, 'statuses'), fields);
    expect(one(status, 'poison').reason).toBe(reason);
  });

  it('is a status that says none', () => {
    const payload = metaPayload.status('sent');
    item(payload, 'statuses').status = 7;
    expect(one(payload, 'poison').reason).toBe('no_status');
  });

  it('may be an id of exactly 512 characters: no', () => {
    expect(one(metaPayload.text({ id: 'w'.repeat(512) }), 'message').provider_id).toHaveLength(512);
  });

  it('costs nobody else: 53 of 54', () => {
    const changes = (): MetaPayload => metaPayload.merge([1, 2, 3].flatMap(() => [metaPayload.text(), metaPayload.status('delivered')]));
    const batch = metaPayload.batch(
      [1, 2, 3].map(() => ({
        ...changes(),
        entry: [{ id: META.waba_id, changes: [1, 2, 3].flatMap(() => changes().entry[0]?.changes ?? []) }],
      })),
    );
    const messages = batch.entry[1]?.changes[1]?.value.messages as unknown[];
    for (const poison of [null, 7, 'text', [], { id: 5 }, { id: 'x', timestamp: '1', type: 'text' }]) {
      messages[1] = poison;
      const items = parseWebhook(batch);
      expect(items).toHaveLength(54);
      expect(items.filter((parsed) => parsed.kind === 'poison').map((parsed) => parsed.path)).toEqual([
        'entry[1].changes[1].value.messages[1]',
      ]);
      expect(items.filter((parsed) => parsed.kind === 'message')).toHaveLength(26);
      expect(items.filter((parsed) => parsed.kind === 'status')).toHaveLength(27);
    }
  });

  it('keeps payload order over entries, changes and items', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const [a, b, c, d] = ids.map((id) => metaPayload.text({ id }));
    const batch = metaPayload.batch([metaPayload.merge([a, b].filter((p) => p !== undefined)), c, d].filter((p) => p !== undefined));
    expect(parseWebhook(batch).map((parsed) => (parsed.kind === 'message' ? parsed.provider_id : parsed.kind))).toEqual(ids);
  });

  it.each([
    [null, 'not_an_object'],
    ['text', 'not_an_object'],
    [[], 'not_an_object'],
    [{ object: 'whatsapp_business_account' }, 'no_entries'],
    [{ object: 'whatsapp_business_account', entry: [null] }, 'not_an_object'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1' }] }, 'no_changes'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [3] }] }, 'not_an_object'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{}] }] }, 'no_field'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages' }] }] }, 'no_value'],
    [{ object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value: { messages: {} } }] }] }, 'bad_list'],
  ])('is the body %j: %s', (payload, reason) => {
    expect(parseWebhook(payload)).toMatchObject([{ kind: 'poison', reason }]);
  });

  it('is whatever a mutation makes of a payload, but never an exception', () => {
    const junk: unknown[] = [null, 0, -1, '', 'x', '\u0000', [], [[]], {}, { id: {} }, true, 1e308, '__proto__'];
    const seeds = [
      metaPayload.text({ context: { id: 'x' }, referral: { source_id: '1' } }),
      metaPayload.image(),
      metaPayload.contacts(),
      metaPayload.flowReply(),
      metaPayload.order(),
      metaPayload.reaction(),
      metaPayload.edit(),
      metaPayload.changedUserId(),
      metaPayload.status('failed'),
      metaPayload.echo(),
      metaPayload.templateStatus('REJECTED'),
      metaPayload.accountUpdate('DISABLED_UPDATE'),
      metaPayload.userPreference('stop'),
      metaPayload.userIdUpdate(),
    ];
    const mutate = (root: unknown, node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const key of Object.keys(node)) {
        const holder = node as Record<string, unknown>;
        const before = holder[key];
        for (const thing of junk) {
          holder[key] = thing;
          const items = parseWebhook(root);
          expect(items.some((parsed) => parsed.kind === 'poison' && parsed.reason === 'unreadable')).toBe(false);
          for (const parsed of items) if (JSON.stringify(parsed).includes('\\u0000')) throw new Error(`zero byte passed at ${key}`);
        }
        delete holder[key];
        parseWebhook(root);
        holder[key] = before;
        mutate(root, before);
      }
    };
    for (const seed of seeds) mutate(seed, seed);
  });
});

describe('text PostgreSQL would refuse', () => {
  const nasty = 'a\u0000b\ud800c';

  it('is made storable wherever it stands', () => {
    const message = one(metaPayload.text({ body: nasty, name: nasty, referral: { [nasty]: nasty } }), 'message');
    expect(message).toMatchObject({
      content: 'ab\ufffdc',
      profile_name: 'ab\ufffdc',
      payload: { text: 'ab\ufffdc', referral: { 'ab\ufffdc': 'ab\ufffdc' } },
    });
    const items = [
      metaPayload.buttonReply({ reply: { id: nasty, title: nasty } }),
      metaPayload.flowReply({ response_json: JSON.stringify({ a: nasty }) }),
      metaPayload.unknownType({ type: nasty }),
      metaPayload.order({ order: { text: nasty, product_items: [{ a: nasty }] } }),
      metaPayload.contacts({ cards: [{ name: { formatted_name: nasty }, phones: [{ phone: nasty }] }] }),
      metaPayload.status('failed', { error: { code: 1, title: nasty } }),
      metaPayload.accountUpdate('X', { extra: { a: [nasty] } }),
      metaPayload.text({ id: nasty }),
    ];
    for (const parsed of parseWebhook(metaPayload.batch(items))) {
      const text = JSON.stringify(parsed);
      expect(text).not.toContain('\\u0000');
      expect(text).not.toContain('\\ud800');
    }
  });

  it('arrives escaped, as Meta writes it, and is read alike', () => {
    const payload = metaPayload.text({ body: 'Olá 👋🏽 / ação' });
    expect(parseWebhook(parseJsonKeepingBigIds(Buffer.from(metaJson(payload))))).toEqual(parseWebhook(payload));
  });

  it('is bounded, without cutting a character in two', () => {
    expect(one(metaPayload.text({ body: 'x'.repeat(70_000) }), 'message').content).toHaveLength(65_536);
    expect(one(metaPayload.text({ name: 'x'.repeat(254) + '👋' }), 'message').profile_name).toBe('x'.repeat(254));
  });

  it('cannot poison prototypes nor overflow the stack', () => {
    const payload = parseJsonKeepingBigIds(
      JSON.stringify(metaPayload.text({ referral: { a: 1 } })).replace('"a":1', '"__proto__":{"polluted":true},"b":2'),
    );
    expect(parseWebhook(payload)).toMatchObject([{ payload: { referral: { b: 2 } } }]);
    expect(Object.keys(Object.prototype)).toEqual([]);
    let deep: Record<string, unknown> = {};
    for (let i = 0; i < 50_000; i++) deep = { deep };
    expect(one(metaPayload.text({ referral: deep }), 'message').message_type).toBe('text');
  });
});
