import { ArgsType, Field, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsEmail, IsNotEmpty, IsOptional, IsString, Length, MaxLength } from 'class-validator';
import { Role } from '#common/actor';
import { Alias } from '#common/alias';
import { EmailText, OneLine, Phone, Trim } from '#common/fields';
import { UserProfile } from '#modules/users/user.dto';
import { User } from '#modules/users/user.entity';

/** A new organization and its first administrator. */
@InputType('RegisterInput')
export class RegisterRequest {
  @EmailText()
  @IsEmail()
  @MaxLength(255)
  email: string;

  /** 8 to 100 characters with a letter and a digit, not the e-mail. */
  @IsString()
  @MaxLength(100)
  password: string;

  /** Your name. Alias: name. */
  // Not required by GraphQL, where it may come as `name`; by the validator it is. The same below.
  @Field({ nullable: true })
  @Alias('name')
  @OneLine()
  @IsString()
  @Length(2, 255)
  full_name: string;

  /** Another spelling of full_name. */
  @IsOptional()
  @IsString()
  name?: string;

  /** Alias: tenant_name. */
  @Field({ nullable: true })
  @Alias('tenant_name')
  @OneLine()
  @IsString()
  @Length(2, 255)
  organization_name: string;

  /** Another spelling of organization_name. */
  @IsOptional()
  @IsString()
  tenant_name?: string;

  /** With country code. */
  @Field(() => String, { nullable: true })
  @IsOptional()
  @Phone()
  phone_number?: string | null;
}

@ArgsType()
export class LoginRequest {
  @EmailText()
  @IsEmail()
  @MaxLength(255)
  email: string;

  @IsString()
  @Length(1, 100)
  password: string;
}

@ArgsType()
export class RefreshRequest {
  @IsString()
  @IsNotEmpty()
  @MaxLength(4096)
  refresh_token: string;
}

@ArgsType()
export class LogoutRequest {
  /** Ends the session this token belongs to; without it, the caller's own. */
  @IsOptional()
  @IsString()
  @MaxLength(4096)
  refresh_token?: string;

  /** True: ends every session of yours. */
  @IsOptional()
  @IsBoolean()
  all?: boolean;
}

@ArgsType()
export class ForgotPasswordRequest {
  @EmailText()
  @IsEmail()
  @MaxLength(255)
  email: string;
}

@ArgsType()
export class VerifyEmailRequest {
  /** What stands behind `#token=` in the mailed link; good once. */
  @Trim()
  @IsString()
  @Length(1, 100)
  token: string;
}

@ArgsType()
export class ResetPasswordRequest extends VerifyEmailRequest {
  /** 8 to 100 characters with a letter and a digit, not the e-mail; an organization may ask for more. */
  @IsString()
  @MaxLength(100)
  new_password: string;
}

@ObjectType()
export class Token {
  access_token: string;

  /** Good for one refresh; the answer brings the next. */
  refresh_token: string;

  @ApiProperty({ enum: ['bearer'] })
  @Field(() => String)
  token_type: 'bearer';

  /** Seconds until the access token expires. */
  @Field(() => Int)
  expires_in: number;
}

/** You are in: who you are and your tokens, under `token` and flat. */
@ObjectType({ isAbstract: true })
export class AuthResponse extends Token {
  @Field(() => User)
  user: UserProfile;

  token: Token;

  message: string;
}

@ObjectType()
export class LoginResponse extends AuthResponse {}

@ObjectType()
export class RegisterResponse extends AuthResponse {}

/** Your profile; the same once more under `user`. */
export class MeResponse extends UserProfile {
  user: UserProfile;
}

export class TokenStatus {
  @ApiProperty({ enum: [true] })
  valid: true;

  user_id: string;
  organization_id: string;
  role: Role;
  expires_at: Date;
}
