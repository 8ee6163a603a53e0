import { declareErrors } from '#common/error-codes';

export const USER_ERRORS = declareErrors({
  account_locked: {
    status: 403,
    cause: 'Too many wrong passwords in a row.',
    remedy: 'Wait until the lock ends, or let an administrator activate the account.',
  },
  already_anonymized: {
    status: 409,
    cause: 'Nothing says any more who it was.',
    remedy: 'There is nothing left to do: they come back as somebody new.',
  },
  cannot_assign_role: { status: 403, cause: 'Nobody can be given or relieved of this role here.', remedy: 'Choose another role.' },
  cannot_modify_self: {
    status: 403,
    cause: 'Your own role, state, departments, permissions and account are not yours to change or delete.',
    remedy: 'Ask another administrator.',
  },
  current_password_incorrect: { status: 400, cause: 'The current password is wrong.', remedy: 'Give the password you sign in with.' },
  email_already_registered: { status: 409, cause: 'The e-mail belongs to an account already.', remedy: 'Sign in with it, or use another.' },
  invalid_agent: {
    status: 422,
    cause: 'The account is switched off or may only read, so it cannot answer conversations.',
    remedy: 'Choose an active agent or administrator.',
  },
  invalid_token: {
    status: 400,
    cause: 'The mailed link was used, has expired, or a newer one was sent.',
    remedy: 'Ask for a new mail.',
  },
  last_admin: {
    status: 409,
    cause: 'This is the last active administrator of the organization.',
    remedy: 'Make somebody else an administrator first.',
  },
  permission_not_allowed_for_role: {
    status: 422,
    cause: 'A list of permissions can only narrow what the role allows.',
    remedy: 'Leave it out, or give the user a higher role first; `role_permissions` says what the role allows.',
  },
  user_not_agent: {
    status: 422,
    cause: 'The user does not answer customers, so they are in no department and have no skills.',
    remedy: 'Choose an agent or an administrator, or change the role first.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof USER_ERRORS, true> {}
}
