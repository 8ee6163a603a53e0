import { Controller, Get, Header, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces, ApiProperty } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public, RateClass } from '#access/decorators';
import { Room } from '#common/room';
import { Config } from '#config/config';
import { FAVICON_LINK } from './favicon';

class HealthStatus {
  @ApiProperty({ enum: ['healthy'], example: 'healthy' })
  status: 'healthy';
}

class Pong {
  @ApiProperty({ enum: ['pong'], example: 'pong' })
  message: 'pong';
}

@Room('general', 'Is the process there, and where everything else is.')
@Controller()
export class GeneralController {
  /** Is the process alive? Touches no store. */
  @Get('health')
  @Public()
  @RateClass('none')
  health(): HealthStatus {
    return { status: 'healthy' };
  }

  /** Answers pong. */
  @Get('ping')
  @Public()
  @RateClass('none')
  ping(): Pong {
    return { message: 'pong' };
  }
}

@Room('general')
@Controller()
export class StartPageController {
  constructor(private readonly config: Config) {}

  /** The start page: where everything is. */
  @Get()
  @Public()
  @RateClass('none')
  @ApiProduces('text/html')
  @ApiOkResponse({ description: 'A page for people.', schema: { type: 'string' } })
  @Header('Content-Type', 'text/html; charset=utf-8')
  show(@Res() response: Response): void {
    response.send(startPage(this.config));
  }
}

/** Only what is there: production has no simulator and, by default, no documents. */
function links({ simulator_enabled, docs_enabled }: Config): { href: string; title: string; words: string }[] {
  return [
    simulator_enabled && { href: '/simulator', title: 'Simulator', words: 'Write as a customer, answer as an agent. No account needed.' },
    docs_enabled && { href: '/api/v1/docs', title: 'REST documentation', words: 'Try every route in the browser.' },
    docs_enabled && { href: '/api/v1/redoc', title: 'REST reference', words: 'The same, to read.' },
    docs_enabled && { href: '/api/v1/realtime', title: 'Realtime', words: 'What sockets hear and understand.' },
    docs_enabled && { href: '/api/v1/errors', title: 'Errors', words: 'Every code, why it comes and what helps.' },
    docs_enabled && { href: '/graphql', title: 'GraphQL', words: 'The same services as a graph.' },
    docs_enabled && { href: '/api/v1/openapi.json', title: 'OpenAPI document', words: 'For generated clients.' },
    { href: '/observability/health', title: 'Health', words: 'The state of each store.' },
  ].filter((link) => link !== false);
}

const startPage = (config: Config): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>PyTake</title>
${FAVICON_LINK}
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f2f6f4, #10201a); color: light-dark(#14261e, #e6f2ec); }
  main { width: min(44rem, 92vw); padding: 2rem 0; }
  h1 { margin: 0 0 .25rem; font-size: 2.2rem; }
  p { margin: 0 0 1.5rem; opacity: .8; }
  ul { list-style: none; padding: 0; margin: 0; display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
  a { display: block; padding: 1rem 1.1rem; border-radius: .8rem; text-decoration: none; color: inherit; background: light-dark(#fff, #183026); border: 1px solid light-dark(#d7e5dd, #27483a); }
  a:hover, a:focus-visible { border-color: #12a564; }
  b { display: block; color: light-dark(#0b7a49, #4fd798); }
</style>
</head>
<body><main>
<h1>PyTake</h1>
<p>WhatsApp customer engagement, on your own machine. The server is running.</p>
<ul>
${links(config)
  .map(({ href, title, words }) => `  <li><a href="${href}"><b>${title}</b>${words}</a></li>`)
  .join('\n')}
</ul>
</main></body>
</html>`;
