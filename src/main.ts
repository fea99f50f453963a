#!/usr/bin/env node
/* The program for whoever starts it by this name. It takes more memory than `start.js` by itself: see there. */
import './start.js';
