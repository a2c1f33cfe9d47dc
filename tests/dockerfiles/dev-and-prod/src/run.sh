echo "debug=$DEBUG revision=$(cat REVISION 2>/dev/null)"
