import { maskPhone, matchKey, normalizePhone, phoneOfWaId } from './phone';

describe('normalizePhone', () => {
  it.each([
    ['+5511988887777', '+5511988887777'],
    ['5511988887777', '+5511988887777'],
    ['+55 (11) 98888-7777', '+5511988887777'],
    ['0055 11 98888.7777', '+5511988887777'],
    ['551188887777', '+551188887777'],
    ['+1 415 555 0100', '+14155550100'],
    ['1234567890', '+1234567890'],
    ['123456789012345', '+123456789012345'],
    ['+55\u00a011\u00a098888 7777', '+5511988887777'],
  ])('reads %j as %j', (typed, phone) => {
    expect(normalizePhone(typed)).toBe(phone);
  });

  it.each([
    '',
    '   ',
    '+',
    '00',
    '123456789',
    '1234567890123456',
    '011988887777',
    '+0055119888877',
    '55119888877a7',
    '++5511988887777',
    '55+11988887777',
    '5.5119E+12',
    'BR.1502000000000000',
    '٥٥١١٩٨٨٨٨٧٧٧٧',
    '5511988887777;DROP',
    '-'.repeat(100) + '5511988887777',
  ])('refuses %j', (typed) => {
    expect(normalizePhone(typed)).toBeNull();
  });
});

describe('phoneOfWaId', () => {
  it('accepts what WhatsApp reports, short countries included', () => {
    expect(phoneOfWaId('5511988887777')).toBe('+5511988887777');
    expect(phoneOfWaId('+5511988887777')).toBe('+5511988887777');
    expect(phoneOfWaId('376312345')).toBe('+376312345');
  });

  it('refuses what is no number', () => {
    for (const junk of ['', '+', 'BR.1502', '0551198888', '55 11', '1234567890123456', '12345']) expect(phoneOfWaId(junk)).toBeNull();
  });
});

describe('matchKey', () => {
  it.each([
    ['Brazil, mobile with and without the ninth digit', '+5511988887777', '+551188887777'],
    ['Mexico, with and without the 1', '+5215512345678', '+525512345678'],
    ['Argentina, with and without the 9', '+5491123456789', '+541123456789'],
    ['the plus sign', '+14155550100', '14155550100'],
  ])('is one for %s', (_, a, b) => {
    expect(matchKey(a)).toBe(matchKey(b));
  });

  it.each([
    ['a Brazilian landline', '+551133334444', '551133334444'],
    ['a Brazilian nine followed by less than six', '+5511958887777', '5511958887777'],
    ['a thirteen-digit number of another country', '+8613800138000', '8613800138000'],
    ['a short Mexican one', '+52155123456', '52155123456'],
  ])('leaves %s alone', (_, phone, key) => {
    expect(matchKey(phone)).toBe(key);
  });

  it('keeps two people apart', () => {
    expect(matchKey('+5511988887777')).not.toBe(matchKey('+5521988887777'));
    expect(matchKey('+5511968887777')).not.toBe(matchKey('+5511988887777'));
  });
});

describe('maskPhone', () => {
  it('names nobody', () => {
    expect(maskPhone('+5511988887777')).toBe('+55*********77');
    expect(maskPhone('5511988887777')).toBe('55*********77');
    expect(maskPhone('+12345')).toBe('+*****');
  });
});
