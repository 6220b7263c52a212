import { defineConfig } from 'vite';

// In `npm run dev` the page comes from vite (with hot reload) and everything else from the service.
const service = process.env['SERVICE_URL'] ?? 'http://localhost:8880';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { sourcemap: true },
  server: {
    proxy: {
      '/socket.io': { target: service, ws: true },
      '/demo': service,
      '/stats': service,
      '/health': service,
    },
  },
});
