import { ApiProperty } from '@nestjs/swagger';

/** A webhook was taken. */
export class WebhookAck {
  @ApiProperty({ enum: ['ok'], example: 'ok' })
  status: 'ok';
}
