import 'reflect-metadata';

import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import * as microservices from '@nestjs/microservices';
import * as rxjs from 'rxjs';

import { runPeer } from '../run-peer.mjs';

await runPeer({ common, core, microservices, rxjs });
