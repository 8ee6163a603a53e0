import { META, metaPayload } from '../../../../test/support/meta-payloads';
import { one } from '../../../../test/support/parsed-webhook';
import { messagingLimitTier } from './account-events';
import { parseJsonKeepingBigIds, parseWebhook } from './parse-webhook';

describe('a template event', () => {
  it.each([
    ['APPROVED', 'APPROVED'],
    ['REINSTATED', 'APPROVED'],
    ['UNARCHIVED', 'APPROVED'],
    ['PAUSED', 'PAUSED'],
    ['SOMETHING_NEW', 'SOMETHING_NEW'],
  ])('%s means %s', (event, status) => {
    expect(one(metaPayload.templateStatus(event), 'template')).toMatchObject({
      change: 'status',
      status,
      template_id: '1502093017502093',
      name: 'pedido_pronto',
      language: 'pt_BR',
      rejected_reason: null,
      phone_number_id: null,
      waba_id: META.waba_id,
    });
  });

  it('says why it was rejected or paused', () => {
    expect(one(metaPayload.templateStatus('REJECTED', { reason: 'ABUSIVE_CONTENT' }), 'template').rejected_reason).toBe('ABUSIVE_CONTENT');
    const detailed = {
      reason: 'INVALID_FORMAT',
      extra: { rejection_info: { reason: 'Variables at the start.', recommendation: 'Move them.' } },
    };
    expect(one(metaPayload.templateStatus('REJECTED', detailed), 'template').rejected_reason).toBe('Variables at the start.');
    expect(one(metaPayload.templateStatus('PAUSED', { extra: { other_info: { title: 'FIRST_PAUSE' } } }), 'template').detail).toBe(
      'FIRST_PAUSE',
    );
  });

  it('speaks Meta’s two spellings of a language', () => {
    expect(one(metaPayload.templateStatus('APPROVED', { language: 'en-US' }), 'template').language).toBe('en_US');
  });

  it('of category, quality, components', () => {
    expect(one(metaPayload.templateCategory(), 'template')).toMatchObject({
      change: 'category',
      previous_category: 'UTILITY',
      category: 'MARKETING',
      correct_category: null,
    });
    expect(one(metaPayload.templateCategory({ previous: null, category: 'UTILITY', correct: 'MARKETING' }), 'template')).toMatchObject({
      category: 'UTILITY',
      correct_category: 'MARKETING',
    });
    expect(one(metaPayload.templateQuality(), 'template')).toMatchObject({
      change: 'quality',
      previous_quality: 'GREEN',
      quality: 'YELLOW',
    });
    expect(one(metaPayload.templateComponents(), 'template')).toMatchObject({
      change: 'components',
      payload: { message_template_title: 'Pedido' },
    });
  });

  it('keeps an id beyond 2^53 exact, as the webhook writes it', () => {
    const raw = JSON.stringify(metaPayload.templateStatus('APPROVED', { template_id: 1 })).replace(
      '"message_template_id":1',
      '"message_template_id": 90071992547409931234',
    );
    expect(parseWebhook(parseJsonKeepingBigIds(raw))[0]).toMatchObject({ template_id: '90071992547409931234' });
    expect(parseWebhook(parseJsonKeepingBigIds(Buffer.from(raw)))[0]).toMatchObject({ template_id: '90071992547409931234' });
    // Rounded by a plain JSON.parse it would name another template: better none.
    expect(parseWebhook(JSON.parse(raw))[0]).toMatchObject({ template_id: null, name: 'pedido_pronto' });
  });

  it('rewrites nothing but that key', () => {
    const tricky = { text: '"message_template_id":12345678901234567890', n: 2 ** 70, message_template_id: 42 };
    expect(parseJsonKeepingBigIds(JSON.stringify(tricky))).toEqual(tricky);
    expect(parseJsonKeepingBigIds('{"message_template_id":1234567890123456.5}')).toEqual({ message_template_id: 1234567890123456.5 });
    expect(() => parseJsonKeepingBigIds('{"message_template_id":')).toThrow(SyntaxError);
  });
});

describe('an account event', () => {
  it.each([
    ['DISABLED_UPDATE', { ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'October 1, 2026' } }, 'bad'],
    ['DISABLED_UPDATE', { ban_info: { waba_ban_state: 'REINSTATE' } }, 'good'],
    ['ACCOUNT_RESTRICTION', { restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING' }] }, 'bad'],
    ['ACCOUNT_VIOLATION', { violation_info: { violation_type: 'ALCOHOL' } }, 'bad'],
    ['ACCOUNT_DELETED', {}, 'bad'],
    ['ACCOUNT_RECONNECTED', {}, 'good'],
    ['PARTNER_ADDED', {}, null],
  ])('%s %j stands %s', (event, extra, standing) => {
    expect(one(metaPayload.accountUpdate(event, { extra }), 'account')).toMatchObject({
      event,
      standing,
      payload: extra,
      waba_id: META.waba_id,
    });
  });

  it('tells the messaging limit', () => {
    expect(one(metaPayload.capability({ limit: 2_000 }), 'account').messaging_limit_tier).toBe('TIER_2K');
    expect(one(metaPayload.phoneQuality({ current_limit: 'TIER_10K' }), 'account')).toMatchObject({
      messaging_limit_tier: 'TIER_10K',
      display_phone_number: META.display_phone_number,
      event: 'THROUGHPUT_UPGRADE',
    });
    const both = { current_limit: 'TIER_10K', extra: { max_daily_conversations_per_business: 'TIER_100K' } };
    expect(one(metaPayload.phoneQuality(both), 'account').messaging_limit_tier).toBe('TIER_100K');
  });

  it.each([
    [250, 'TIER_250'],
    ['250', 'TIER_250'],
    [1_000, 'TIER_1K'],
    [100_000, 'TIER_100K'],
    [-1, 'TIER_UNLIMITED'],
    ['TIER_UNLIMITED', 'TIER_UNLIMITED'],
    ['UNLIMITED', 'TIER_UNLIMITED'],
    [null, null],
    [{}, null],
  ])('reads the limit %j as %s', (limit, tier) => {
    expect(messagingLimitTier(limit)).toBe(tier);
  });

  it('approves or declines a display name', () => {
    expect(one(metaPayload.phoneName(), 'account')).toMatchObject({ decision: 'APPROVED', display_name: 'Padaria Lima' });
    expect(one(metaPayload.phoneName({ decision: 'REJECTED' }), 'account')).toMatchObject({ decision: 'REJECTED', display_name: null });
  });

  it.each([
    ['account_alerts', metaPayload.accountAlert()],
    ['account_review_update', metaPayload.accountReview()],
    ['security', metaPayload.security()],
    ['business_username_updates', metaPayload.businessUsername()],
  ])('%s is told', (field, payload) => {
    expect(one(payload, 'account')).toMatchObject({ field, standing: null });
  });
});
