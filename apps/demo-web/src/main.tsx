import { render } from 'preact';

import { App } from './app.js';
import { readVisitor } from './visitor.js';

const root = document.getElementById('app');
if (root !== null) {
  render(<App visitor={readVisitor(location.search, sessionStorage)} />, root);
}
