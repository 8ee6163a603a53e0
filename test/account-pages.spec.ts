import { existsSync, readFileSync } from 'node:fs';
import { type Browser, type Page, chromium } from 'playwright-core';
import request from 'supertest';
import { ACCOUNT_PAGES } from '#modules/auth/account-pages';
import { mailedToken } from './support/mailed-token';
import { PASSWORD, type World, world } from './support/world';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const missing = !existsSync(CHROMIUM);
if (missing) {
  if (process.env.CI) throw new Error(`${CHROMIUM} is missing: .ci/run installs it`);
  console.warn(`account pages: skipped in a browser, there is no ${CHROMIUM}`);
}

let w: World;
beforeAll(async () => {
  w = await world();
});

describe.each(ACCOUNT_PAGES)('/%s', (page) => {
  it('speaks the caller’s language', async () => {
    const languageOf = async (accepted: string): Promise<string | undefined> => {
      const { text } = await request(w.base_url).get(`/${page}`).set('Accept-Language', accepted).expect(200);
      return /<html lang="([\w-]+)">/.exec(text)?.[1];
    };

    expect(await languageOf('pt-BR,pt;q=0.9,en;q=0.8')).toBe('pt-BR');
    expect(await languageOf('en-US,en;q=0.9')).toBe('en');
    expect(await languageOf('fr-FR,fr;q=0.9,pt;q=0.8')).toBe('pt-BR');
    expect(await languageOf('ja')).toBe('en');
    expect(await languageOf('')).toBe('pt-BR');
  });

  it('runs its own script and nothing else, is framed by nobody and kept nowhere', async () => {
    const { headers, text } = await request(w.base_url)
      .get(`/${page}`)
      .expect(200)
      .expect('Content-Type', /text\/html/);

    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      vary: expect.stringContaining('Accept-Language') as string,
    });
    const policy = headers['content-security-policy'];
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; /);
    for (const rule of ["connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"])
      expect(policy).toContain(rule);
    expect(policy).not.toContain('unsafe');
    expect(text).not.toMatch(/ (?:src|on\w+|style)=/);
  });
});

(missing ? describe.skip : describe)('in a browser', () => {
  let browser: Browser;
  const trouble: string[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    w = await world();
    trouble.length = 0;
  });

  async function open(path: string, locale = 'pt-BR'): Promise<Page> {
    const page = await browser.newPage({ locale, viewport: { width: 390, height: 844 } });
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('console', (message) => {
      // What the API refuses, the browser notes as well.
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) trouble.push(message.text());
    });
    page.on('request', (asked) => {
      if (/token/.test(asked.url())) trouble.push(`a token in an address: ${asked.url()}`);
    });
    await page.goto(w.base_url + path);
    return page;
  }

  const said = (page: Page, word: string) => page.locator(`[data-say=${word}]`).waitFor();

  const findings = async (page: Page): Promise<unknown> => {
    await page.evaluate(AXE);
    return page.evaluate('axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes.map((n) => n.html)]))');
  };

  it('a lost password is set anew, and signs in', async () => {
    const { user } = w.acme.agent;
    const page = await open(`/reset-password#token=${await mailedToken(w.app, user, 'password_reset')}`);
    expect(page.url()).toBe(`${w.base_url}/reset-password`);
    expect(await findings(page)).toEqual([]);

    await page.getByLabel('Nova senha', { exact: true }).fill('curta');
    await page.getByLabel('Repita a nova senha').fill('outra');
    await page.getByRole('button').click();
    await said(page, 'mismatch');
    await page.getByLabel('Repita a nova senha').fill('curta');
    await page.getByRole('button').click();
    await said(page, 'validation_error');
    await page.getByLabel('Nova senha', { exact: true }).fill('fornada-das-6');
    await page.getByLabel('Repita a nova senha').fill('fornada-das-6');
    await page.getByRole('button').click();
    await said(page, 'done');

    expect(await findings(page)).toEqual([]);
    await w.guest.post('/auth/login', { email: user.email, password: 'fornada-das-6' }).expect(200);
    expect(trouble).toEqual([]);
    await page.close();
  });

  it('an e-mail is confirmed by a click, never by looking', async () => {
    const { user } = w.acme.agent;
    await w.sql('UPDATE users SET email_verified = false WHERE id = $1', [user.id]);
    const verified = async (): Promise<unknown> =>
      (await w.sql('SELECT email_verified FROM users WHERE id = $1', [user.id]))[0].email_verified;
    const page = await open(`/verify-email#token=${await mailedToken(w.app, user, 'email_verification')}`, 'en-GB');

    await page.getByRole('button', { name: 'Confirm' }).waitFor();
    expect(await verified()).toBe(false);
    await page.getByRole('button', { name: 'Confirm' }).click();
    await said(page, 'done');

    expect(await verified()).toBe(true);
    expect(trouble).toEqual([]);
    await page.close();
  });

  it('a link that is no good leads to a new one', async () => {
    const page = await open('/reset-password');
    await said(page, 'invalid_token');
    await page.getByRole('link').click();
    await page.getByLabel('E-mail').fill(w.acme.agent.user.email);
    await page.getByRole('button').click();
    await said(page, 'done');

    expect(await w.sql('SELECT mail FROM outbound_mails WHERE recipient = $1', [w.acme.agent.user.email])).toEqual([
      { mail: 'auth.password_reset' },
    ]);
    await w.guest.post('/auth/login', { email: w.acme.agent.user.email, password: PASSWORD }).expect(200);
    expect(trouble).toEqual([]);
    await page.close();
  });
});
