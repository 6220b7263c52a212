import { render } from 'preact';

import { App } from './app.js';
import { readVisit } from './visit.js';

const root = document.getElementById('app');
if (root !== null) {
  render(<App visit={readVisit(location.search, sessionStorage)} />, root);
}
