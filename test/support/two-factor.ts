import { setTimeout as sleep } from 'node:timers/promises';
import { Secret, TOTP } from 'otpauth';
import { PASSWORD, type Person, type World } from './world';

const STEP_MS = 30_000;
/** So close to the next step a code would be of another one when it arrives. */
const EDGE_MS = 4000;

/** What an authenticator app shows, so many steps from now. */
export const codeOf = (secret: string, steps = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * STEP_MS });

/** A person's second factor, on. The codes of this step and of the next one are left. */
export interface Enrolled {
  secret: string;
  recovery_codes: string[];
}

export async function enrol(person: Person): Promise<Enrolled> {
  const { body: setup } = await person.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
  const { secret } = setup as { secret: string };
  const left = STEP_MS - (Date.now() % STEP_MS);
  // A timer may be a little early.
  if (left < EDGE_MS) await sleep(left + 50);
  const { body } = await person.post('/auth/2fa/enable', { code: codeOf(secret, -1) }).expect(200);
  return { secret, ...(body as { recovery_codes: string[] }) };
}

/** The first step of a login whose account has a second factor: what the second one goes on with. */
export async function challenge({ guest }: World, email: string): Promise<string> {
  const { body } = await guest.post('/auth/login', { email, password: PASSWORD }).expect(403);
  return (body as { mfa_token: string }).mfa_token;
}
