# A service that answers every request with the text of its build, or ends at once when that is `fail`.
use strict;
use IO::Socket::INET;

my $answer = $ENV{ANSWER};
die "told to fail\n" if $answer eq "fail";
$SIG{TERM} = sub { exit };
my $listener = IO::Socket::INET->new(LocalPort => 6400, Listen => 16, ReuseAddr => 1) or die "cannot listen: $!";
while (my $client = $listener->accept) {
  while (<$client>) { last if /^\r?\n$/ }
  print $client "HTTP/1.1 200 OK\r\nContent-Length: " . length($answer) . "\r\nConnection: close\r\n\r\n$answer";
  close $client;
}
