import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Module } from '@nestjs/common';

@Module({})
class A {}

async function main() {
  const app = await NestFactory.create(A);
}
void main();
