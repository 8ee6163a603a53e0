import { applyDecorators } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiGoneResponse,
  ApiNotFoundResponse,
  ApiTooManyRequestsResponse,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger';

/** What every send may be refused for, in the document; `conflict` is what the route itself refuses besides. */
export const SendRefusals = (conflict = ''): MethodDecorator =>
  applyDecorators(
    ApiNotFoundResponse({
      description:
        'What the path or the body names (contact, agent, number, conversation, template, file, quoted message) is not in this organization.',
    }),
    ApiConflictResponse({
      description:
        `${conflict}The contact is blocked (\`contact_blocked\`); the conversation is neither open nor pending (\`conversation_not_active\`); there is no ` +
        'number that can send (`no_whatsapp_number`, `number_inactive`, `number_not_configured`, `number_not_connected`, ' +
        '`not_supported_for_connection_type`) or address (`phone_required`); the 24 hours are over (`window_closed`); the template may not be sent ' +
        '(`template_not_approved`, `template_disabled`); or the file is not here yet (`media_not_ready`).',
    }),
    ApiGoneResponse({ description: 'The file is no longer there (`media_gone`).' }),
    ApiUnprocessableEntityResponse({
      description:
        'The input is not valid; `details` name the fields. Also the number itself as recipient (`recipient_is_sender`), and values that do not fit ' +
        'the template (`template_parameter_mismatch`).',
    }),
    ApiTooManyRequestsResponse({
      description:
        'Too many requests, or a number whose limits let nothing leave for more than five minutes (`whatsapp_rate_limited`); wait for `Retry-After` seconds.',
    }),
  );
