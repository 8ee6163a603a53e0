import { ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';

/** Done; nothing else to say. */
@ObjectType()
export class SuccessResponse {
  @ApiProperty({ enum: [true] })
  success: boolean;

  message: string;
}
