// -i 4
// The four kinds of metric, with tags and thresholds on parts of them.
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const count = new Counter('my_count'), gauge = new Gauge('my_gauge'), rate = new Rate('my_rate');
const trend = new Trend('my_trend'), time = new Trend('my_time', true);
export const options = {
  thresholds: {
    my_count: ['count==16', 'count<16'],
    'my_count{half:0}': ['count==8'],
    my_gauge: ['value==3'],
    my_rate: ['rate>0.6', 'rate<0.6'],
    my_trend: ['avg==2.5', 'min==1', 'max==4', 'med==2.5', 'p(90)>3', 'p(99.9)<4'],
    'my_trend{half:1}': ['avg==3'],
    'my_time{nobody:has}': ['max<1'],
  },
};
export default function () {
  count.add(4, { half: `${__ITER % 2}` });
  gauge.add(__ITER);
  [1, 0, true].forEach((value) => rate.add(value));
  trend.add(__ITER + 1, { half: `${__ITER % 2}` });
  time.add(10.5);
}
