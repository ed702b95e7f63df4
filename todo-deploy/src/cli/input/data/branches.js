import http from 'k6/http';
import { sleep } from 'k6';

export default function () {
  for (const todo of http.get('http://somewhere.else/todos?all').json()) {
    http.get(`http://somewhere.else/todos/${todo.id}`);
  }
  sleep(1);
}
