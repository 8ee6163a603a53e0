import type { INestApplicationContext } from '@nestjs/common';
import { Database } from '#database/database';
import type { TokenPurpose } from '#modules/users/mailed-token.entity';
import { MailedTokens } from '#modules/users/mailed-tokens';
import type { Person } from './world';

/** What stands in a mail that a test need not receive. */
export async function mailedToken(
  app: INestApplicationContext,
  user: Pick<Person['user'], 'organization_id' | 'id' | 'email'>,
  purpose: TokenPurpose,
): Promise<string> {
  let mailed = '';
  await app.get(Database).tx((tx) =>
    app.get(MailedTokens).issue(tx, user, purpose, (token) => {
      mailed = token;
      return Promise.resolve(true);
    }),
  );
  return mailed;
}
