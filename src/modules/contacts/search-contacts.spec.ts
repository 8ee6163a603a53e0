import { matchKey, normalizePhone } from '#common/phone';
import { phoneParts, wordsOf } from './search-contacts';

const finds = (search: string, phone: string): boolean => {
  const key = matchKey(normalizePhone(phone) ?? '');
  return phoneParts(search).some((part) => key.includes(part));
};

describe('phoneParts', () => {
  it.each([
    '+55 (11) 98765-4321',
    '5511987654321',
    '551187654321',
    '0055 11 98765 4321',
    '(011) 98765-4321',
    '11 8765-4321',
    '98765-4321',
    '8765-4321',
    '98765',
    '4321',
    '1198765',
    '55119876',
    '55',
    'Maria 11 98765-4321',
    '５５１１９８７６５４３２１',
    '5511987654321@s.whatsapp.net',
  ])('finds +5511987654321 and +551187654321 by %s', (search) => {
    expect(finds(search, '+5511987654321')).toBe(true);
    expect(finds(search, '+551187654321')).toBe(true);
  });

  it('finds Mexican and Argentine numbers with and without the digit WhatsApp adds', () => {
    expect(finds('+52 1 55 1234 5678', '+525512345678')).toBe(true);
    expect(finds('+52 55 1234', '+5215512345678')).toBe(true);
    expect(finds('+54 9 11 2345 6789', '+541123456789')).toBe(true);
    expect(finds('+54 11 2345', '+5491123456789')).toBe(true);
  });

  it('leaves other numbers and words alone', () => {
    expect(finds('97777', '+5511987654321')).toBe(false);
    expect(phoneParts('Loja 24')).toEqual([]);
    expect(phoneParts('ana.souza98765@example.com')).toEqual([]);
    expect(phoneParts('João')).toEqual([]);
    expect(phoneParts('%_\\')).toEqual([]);
  });
});

it('splits a search into words, each a plain text', () => {
  expect(wordsOf('  joao   silva ')).toEqual(['joao', 'silva']);
  expect(wordsOf('@maria.souza')).toEqual(['maria.souza']);
  expect(wordsOf('１００％')).toEqual(['100%']);
  expect(wordsOf('   ')).toEqual([]);
});
