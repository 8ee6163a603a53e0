import { chosenOf, menuText } from './text-menu';

describe('a choice as a text', () => {
  const sections = [
    { title: 'Doces', rows: [{ id: 'a', title: 'Bolo', description: 'de fubá' }] },
    { title: 'Salgados', rows: [{ id: 'b', title: 'Pão' }] },
  ];
  const menu = { kind: 'list', header: 'Cardápio', body: 'Escolha', footer: 'até 18h', sections };

  it('is numbered through', () => {
    expect(menuText(menu)).toBe('*Cardápio*\n\nEscolha\n\n*Doces*\n1. Bolo – de fubá\n\n*Salgados*\n2. Pão\n\n_até 18h_');
    expect(menuText({ kind: 'request_contact_info', body: 'Fone?' })).toBeNull();
  });

  it.each([
    ['2', 'b'],
    [' 2. ', 'b'],
    ['*1*', 'a'],
    ['PAO', 'b'],
    ['3', undefined],
    ['0', undefined],
    ['dois', undefined],
  ])('is answered by %j', (answer, id) => {
    expect(chosenOf(menu, answer, true)?.id).toBe(id);
  });

  it('has no numbers where buttons are shown', () => {
    expect(chosenOf(menu, '2', false)).toBeNull();
    expect(chosenOf(menu, 'Pão', false)).toMatchObject({ kind: 'list_reply', id: 'b' });
  });
});
