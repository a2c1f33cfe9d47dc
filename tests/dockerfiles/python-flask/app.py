echo "app as $(id -u), with $(cat /usr/lib/python/packages)"
