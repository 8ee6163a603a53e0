const BASE = '/api/v1';
const STORE = 'pytake.simulator.session';

/** The product's REST API as an agent uses it. The tokens live as long as the tab. */
export class Api {
  constructor(onSignedOut) {
    this.onSignedOut = onSignedOut;
    this.session = JSON.parse(sessionStorage.getItem(STORE) ?? 'null');
    this.refreshing = null;
  }

  get token() {
    return this.session?.access_token ?? null;
  }

  async login(email, password) {
    this.keep(await this.once('POST', '/auth/login', { email, password }));
  }

  logout() {
    const { refresh_token } = this.session ?? {};
    if (this.session) void this.once('POST', '/auth/logout', { refresh_token }).catch(() => undefined);
    this.keep(null);
    this.onSignedOut();
  }

  get(path) {
    return this.call('GET', path);
  }

  /** `idempotent`: a key of the caller's, so that a second try of a send does not send twice. */
  post(path, body = {}, idempotent = undefined) {
    return this.call('POST', path, body, idempotent ? { 'idempotency-key': idempotent } : {});
  }

  async call(method, path, body, headers = {}) {
    try {
      return await this.once(method, path, body, headers);
    } catch (error) {
      if (error.status !== 401 || !(await this.refresh())) throw error;
      return this.once(method, path, body, headers);
    }
  }

  /** A file behind the token, as an address for `<img>`. */
  async blobUrl(path) {
    const load = () => fetch(path, { headers: { authorization: `Bearer ${this.token}` } });
    let response = await load();
    if (response.status === 401 && (await this.refresh())) response = await load();
    if (!response.ok) throw new Error(`The file answered ${response.status}`);
    return URL.createObjectURL(await response.blob());
  }

  /** One refresh at a time: a refresh token is good once. */
  refresh() {
    this.refreshing ??= this.refreshNow().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  async refreshNow() {
    if (!this.session?.refresh_token) return false;
    try {
      this.keep(await this.once('POST', '/auth/refresh', { refresh_token: this.session.refresh_token }));
      return true;
    } catch (error) {
      if (error.status === undefined || error.status >= 500 || error.status === 429) return false;
      this.keep(null);
      this.onSignedOut('Your session has ended. Please sign in again.');
      return false;
    }
  }

  async once(method, path, body, headers = {}) {
    const json = body !== undefined && !(body instanceof FormData);
    let response;
    try {
      response = await fetch(`${BASE}${path}`, {
        method,
        headers: {
          ...(json ? { 'content-type': 'application/json' } : {}),
          ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
          ...headers,
        },
        body: json ? JSON.stringify(body) : body,
      });
    } catch {
      throw new Error('PyTake does not answer. Is it running?');
    }
    const answer = response.headers.get('content-type')?.includes('json') ? await response.json() : null;
    if (response.ok) return answer;
    const problem = new Error(kindly(response, answer));
    problem.status = response.status;
    problem.code = answer?.error_code;
    throw problem;
  }

  keep(answer) {
    this.session = answer && {
      access_token: answer.access_token,
      refresh_token: answer.refresh_token,
      user: answer.user ?? this.session?.user,
    };
    if (this.session) sessionStorage.setItem(STORE, JSON.stringify(this.session));
    else sessionStorage.removeItem(STORE);
  }
}

function kindly(response, answer) {
  if (response.status === 429) return `Too many requests. Please wait ${response.headers.get('retry-after') ?? 'a few'} seconds.`;
  return answer?.error?.message ?? `PyTake answered ${response.status}`;
}
