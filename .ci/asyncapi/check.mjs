// Reads an AsyncAPI document as its own parser does, and names every error: node check.mjs FILE
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
const errors = diagnostics.filter((found) => found.severity === 0);
for (const { path, message } of errors) console.log(`${path.join('.')}: ${message}`);
if (!document || errors.length > 0) process.exit(1);
const messages = document.messages().all().length;
console.log(`${process.argv[2]}: ${messages} messages`);
if (messages < 9) process.exit(1);
