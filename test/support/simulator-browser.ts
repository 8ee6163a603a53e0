import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type Browser, type Locator, type Page, chromium } from 'playwright-core';
import { simulatorToken } from '#modules/simulator/simulator-number';
import { Product } from './product';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What would be heard of if a page took it for more than text. */
export const HTML = '<img src=x onerror=alert(1)><mark>&';

export const WIDE = { width: 1280, height: 800 };

/** `describe` of what needs a browser; without one it is skipped, but never in CI. */
export function describeBrowser(name: string, tests: () => void): void {
  const missing = !existsSync(CHROMIUM);
  if (missing) {
    if (process.env.CI) throw new Error(`${CHROMIUM} is missing: .ci/run installs it`);
    console.warn(`${name}: skipped, there is no ${CHROMIUM}`);
  }
  (missing ? describe.skip : describe)(name, tests);
}

/** The simulator's page in a real Chromium, before PyTake as a process of its own. */
export class SimulatorBrowser {
  /** What no page may do: errors on the console, requests to others. */
  readonly trouble: string[] = [];
  private desk: Page | undefined;

  private constructor(
    readonly product: Product,
    private readonly browser: Browser,
    /** Of the demo's administrator. */
    private readonly password: string,
    /** The simulator's token: what its Evolution API wants for a key. */
    private readonly token: string,
  ) {}

  static async start(): Promise<SimulatorBrowser> {
    const encryption_key = randomBytes(32);
    const product = await Product.start({ ENCRYPTION_KEY: encryption_key.toString('base64') });
    const { password } = product;
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    return new SimulatorBrowser(product, browser, password, simulatorToken({ encryption_key }));
  }

  /** After each test: what it opened is closed, but for the administrator's page. */
  async clear(): Promise<void> {
    for (const context of this.browser.contexts()) if (context !== this.desk?.context()) await context.close();
    this.trouble.length = 0;
  }

  /** A page of the demo's administrator, loaded and signed in once for all tests that ask for it: each leaves no dialog and no filter behind. */
  async admin(): Promise<Page> {
    if (this.desk && (await left(this.desk))) await this.closeAdmin();
    if (!this.desk) {
      const page = await this.open(WIDE);
      await this.signIn(page);
      await page.locator('#live[data-state=on]').waitFor();
      this.desk = page;
    }
    return this.desk;
  }

  /** The administrator's page ends: the server goes. */
  async closeAdmin(): Promise<void> {
    await this.desk?.context().close();
    this.desk = undefined;
  }

  async end(): Promise<void> {
    await this.browser.close();
    await this.product.end();
  }

  async open(viewport: { width: number; height: number }, path = '/simulator', colorScheme?: 'dark'): Promise<Page> {
    const page = await this.browser.newPage({ viewport, locale: 'pt-BR', colorScheme });
    page.on('pageerror', (error) => this.trouble.push(error.message));
    page.on('console', (message) => {
      // What the API refuses, the browser notes as well.
      if (message.type() === 'error' && !message.text().includes('status of 409')) this.trouble.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(this.product.url) && !/^(data|blob):/.test(request.url()))
        this.trouble.push(`left the server: ${request.url()}`);
    });
    await page.goto(this.product.url + path);
    return page;
  }

  /** The demo's administrator, unless it is said who. */
  async signIn(page: Page, { email = 'admin@demo.pytake', password = this.password } = {}): Promise<void> {
    await page.getByTestId('login-email').fill(email);
    await page.getByTestId('login-password').fill(password);
    await page.getByTestId('login-submit').click();
    await page.getByTestId('conversation-item').first().waitFor();
  }

  /** The access token of the demo's administrator. */
  async adminToken(): Promise<string> {
    const { access_token } = await this.product.call<{ access_token: string }>('POST', '/auth/login', {
      email: 'admin@demo.pytake',
      password: this.password,
    });
    return access_token;
  }

  async customerSends(message: object): Promise<void> {
    const answer = await fetch(`${this.product.url}/simulator/api/control/customer-message`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ wait: true, ...message }),
    });
    expect(answer.status).toBe(202);
  }

  /** A number that waits for a phone to scan its QR code; what it hears goes nowhere. */
  async createInstance(instanceName: string): Promise<void> {
    const answer = await fetch(`${this.product.url}/simulator/evolution/instance/create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', apikey: this.token },
      body: JSON.stringify({ instanceName, integration: 'WHATSAPP-BAILEYS', qrcode: true }),
    });
    expect(answer.status).toBe(201);
  }

  async write(from: string, name: string, ...texts: string[]): Promise<void> {
    for (const body of texts) await this.customerSends({ from, name, type: 'text', text: { body } });
  }
}

/** Whether a test that failed has left a dialog or a search, or is signed out. */
async function left(page: Page): Promise<boolean> {
  const searched = !(await page.locator('[data-testid=search]:placeholder-shown').count());
  return searched || (await page.locator('dialog[open]').count()) > 0;
}

export const conversation = (page: Page, name: string): Locator => page.getByTestId('conversation-item').filter({ hasText: name });

/** What axe finds serious or critical. */
export async function findings(page: Page): Promise<unknown> {
  await page.evaluate(AXE);
  return page.evaluate(
    'axe.run().then((r) => r.violations.filter((v) => /serious|critical/.test(v.impact)).map((v) => [v.id, v.nodes.map((n) => n.html)]))',
  );
}
