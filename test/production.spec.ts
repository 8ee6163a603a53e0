import { Product } from './support/product';

/** The small company's server: production, alone on one machine. */
describe('production on the embedded PostgreSQL', () => {
  let product: Product;
  beforeAll(async () => {
    product = await Product.start({
      NODE_ENV: 'production',
      EMBEDDED_IN_PRODUCTION: 'true',
      HOST: '0.0.0.0',
      PUBLIC_BASE_URL: 'https://pytake.example',
      META_APP_SECRETT: 'typo',
    });
  }, 120_000);
  afterAll(() => product?.end());

  it('says on the console who reaches it, what is open and what is misspelt', () => {
    expect(product.output).toContain('Everybody who reaches this machine reaches PyTake');
    expect(product.output).toContain('REGISTRATION_ENABLED=false closes that');
    expect(product.output).toContain(`port ${new URL(product.url).port}, which has to be reached as https://pytake.example`);
    expect(product.output).toContain('META_APP_SECRETT is not read, did you mean META_APP_SECRET?');
  });

  it('has no demo, no simulator and no documents, and its start page links none', async () => {
    const page = await (await fetch(product.url)).text();
    const links = [...page.matchAll(/<a href="([^"]+)"/g)].map(([, href]) => href);

    expect(product.output).not.toMatch(/demo|Simulator|Documentation/);
    expect(links).toEqual(['/observability/health']);
    for (const path of ['/simulator', '/api/v1/docs', '/graphql/playground'])
      expect({ path, status: (await fetch(product.url + path)).status }).toEqual({ path, status: 404 });
  });

  it('keeps its secrets and its data for the next start', async () => {
    const call = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`${product.url}/api/v1${path}`, { ...init, headers: { 'content-type': 'application/json', ...init.headers } });
    const body = {
      email: 'ana@padaria.example',
      password: 'pao-de-queijo-1',
      full_name: 'Ana Souza',
      organization_name: 'Padaria Central',
    };
    const { access_token } = (await (await call('/auth/register', { method: 'POST', body: JSON.stringify(body) })).json()) as {
      access_token: string;
    };

    expect(await product.stop()).toBe(0);
    await product.boot();

    expect((await call('/auth/me', { headers: { authorization: `Bearer ${access_token}` } })).status).toBe(200);
  }, 120_000);
});

describe('production on the DATA_DIR of a trial', () => {
  it('says that the demo can sign in', async () => {
    const trial = await Product.start();
    try {
      await trial.stop();
      const product = await Product.start({ NODE_ENV: 'production', EMBEDDED_IN_PRODUCTION: 'true', DATA_DIR: trial.data_dir });
      await product.stop();

      expect(product.output).toMatch(/^The demo organization is still here: admin@demo\.pytake .* new DATA_DIR/m);
    } finally {
      await trial.end();
    }
  }, 120_000);
});
