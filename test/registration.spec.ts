import { errorOf, type World, world } from './support/world';

const ana = { email: 'ana@padaria.example', password: 'pao-de-queijo-1', full_name: 'Ana Souza', organization_name: 'Padaria Central' };

describe('registration, closed by the operator', () => {
  let w: World;
  beforeEach(async () => {
    w = await world({ REGISTRATION_ENABLED: 'false' });
  });

  it('refuses strangers over REST and leaves nothing behind', async () => {
    await w.guest.post('/auth/register', ana).expect(403).expect(errorOf('registration_disabled'));

    expect(await w.sql('SELECT 1 FROM users WHERE email = $1', [ana.email])).toEqual([]);
    expect(await w.sql('SELECT 1 FROM organizations WHERE name = $1', [ana.organization_name])).toEqual([]);
  });

  it('refuses strangers over GraphQL', async () => {
    const { body } = await w.guest.graphql('mutation ($input: RegisterInput!) { register(input: $input) { access_token } }', {
      input: ana,
    });

    expect(body).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN', error_code: 'registration_disabled', status_code: 403 } }] });
  });

  it('lets administrators add people as ever', async () => {
    await w.acme.admin
      .post('/users', { email: 'bia@padaria.example', full_name: 'Bia Lima', password: ana.password, role: 'agent' })
      .expect(201);
  });
});
