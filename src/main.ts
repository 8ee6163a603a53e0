import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Module } from '@nestjs/common';
import { hello } from '#common/hello';

@Module({})
class A {}

async function main() {
  const app = await NestFactory.create(A);
  console.log(hello, typeof app);
}
void main();
