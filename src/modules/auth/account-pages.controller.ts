import { Controller, Get, Req, Res, applyDecorators } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Public, RateClass } from '#access/decorators';
import { nearestLanguage } from '#common/languages';
import { Room } from '#common/room';
import { ACCOUNT_PAGE_POLICY, type AccountPage, accountPage } from './account-pages';

/** A page of PyTake's own, outside `/api/v1`. */
const Page = (path: AccountPage): MethodDecorator =>
  applyDecorators(
    Get(path),
    Public(),
    RateClass('none'),
    ApiProduces('text/html'),
    ApiOkResponse({ description: 'A page for people, in Portuguese or English (Accept-Language).', schema: { type: 'string' } }),
  );

@Room('auth')
@Controller()
export class AccountPagesController {
  /** Where the link of a lost password, or of an invitation, leads without a front end of one's own. */
  @Page('reset-password')
  resetPassword(@Req() request: Request, @Res() response: Response): void {
    show('reset-password', request, response);
  }

  /** Where the link that confirms an e-mail leads without a front end of one's own. */
  @Page('verify-email')
  verifyEmail(@Req() request: Request, @Res() response: Response): void {
    show('verify-email', request, response);
  }

  /** Asks for the mail with a link that sets a new password. */
  @Page('forgot-password')
  forgotPassword(@Req() request: Request, @Res() response: Response): void {
    show('forgot-password', request, response);
  }
}

function show(page: AccountPage, request: Request, response: Response): void {
  response
    .set({
      'Content-Security-Policy': ACCOUNT_PAGE_POLICY,
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
      Vary: 'Accept-Language',
    })
    .type('html')
    .send(accountPage(page, nearestLanguage(request.get('accept-language'))));
}
