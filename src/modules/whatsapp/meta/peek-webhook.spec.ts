import { metaPayload } from '../../../../test/support/meta-payloads';
import { item } from '../../../../test/support/parsed-webhook';
import { peekNumbers, peekPerson } from './peek-webhook';

describe('peekNumbers', () => {
  it('names every number once, and the WABAs of changes without one', () => {
    const batch = metaPayload.batch([
      metaPayload.text({ phone_number_id: '1' }),
      metaPayload.text({ phone_number_id: '1' }),
      metaPayload.status('sent', { phone_number_id: '2' }),
      metaPayload.templateStatus('APPROVED', { waba_id: 'W1' }),
      metaPayload.capability({ waba_id: 'W1' }),
    ]);
    expect(peekNumbers(batch)).toEqual({ phone_number_ids: ['1', '2'], waba_ids_without_number: ['W1'] });
  });

  it('is empty for what is no webhook', () => {
    for (const junk of [
      null,
      1,
      'x',
      [],
      {},
      { entry: 5 },
      { entry: [null, { changes: [null, { value: { metadata: { phone_number_id: {} } } }] }] },
    ])
      expect(peekNumbers(junk)).toEqual({ phone_number_ids: [], waba_ids_without_number: [] });
  });
});

describe('peekPerson', () => {
  const phone = '5511987654321';

  it('is the phone of who wrote or was written to, in one spelling', () => {
    expect(peekPerson(metaPayload.text({ from: phone }))).toBe('551187654321');
    expect(peekPerson(metaPayload.text({ from: phone, user_id: null }))).toBe('551187654321');
    expect(peekPerson(metaPayload.status('read', { recipient_id: phone }))).toBe('551187654321');
  });

  it('is nobody where it is about several, about more than what they write, or about somebody without a phone', () => {
    expect(peekPerson(metaPayload.text({ from: null }))).toBeNull();
    const two = metaPayload.text({ from: phone });
    two.entry.push(...metaPayload.text({ from: '5511912345678' }).entry);
    expect(peekPerson(two)).toBeNull();
    const system = metaPayload.text({ from: phone });
    item(system).type = 'system';
    expect(peekPerson(system)).toBeNull();
    for (const payload of [null, 3, 'x', [], {}, { entry: [{}] }, { entry: [{ changes: [{ field: 'messages' }] }] }])
      expect(peekPerson(payload)).toBeNull();
  });
});
